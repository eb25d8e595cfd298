/*
 * hooks.c -- extent hooks: a storage engine keeps its cache out of core files,
 * and what functions that misbehave come to.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "made.h"
#include "memory.h"

typedef struct hooks hooks_t;

typedef void *alloc_fn(hooks_t *, void *, size_t, size_t, bool *, bool *,
		       unsigned);
typedef bool dalloc_fn(hooks_t *, void *, size_t, bool, unsigned);

/* As jemalloc's header has it; what is not called here is left out. */
struct hooks {
	alloc_fn *alloc;
	dalloc_fn *dalloc;
	void *others[7];
};

static hooks_t *
read_hooks(unsigned arena)
{
	hooks_t *hooks = NULL;
	size_t len = sizeof hooks;
	char name[64];

	snprintf(name, sizeof name, "arena.%u.extent_hooks", arena);
	expect(ctl(name, &hooks, &len, NULL, 0) == 0);
	expect(hooks != NULL && hooks->alloc != NULL);
	return hooks;
}

static int
write_hooks(unsigned arena, hooks_t *hooks)
{
	char name[64];

	snprintf(name, sizeof name, "arena.%u.extent_hooks", arena);
	return ctl(name, NULL, NULL, &hooks, sizeof hooks);
}

/* --- no dump -------------------------------------------------------------------- */

static alloc_fn *original_alloc;
static size_t nallocs, nbytes;

static void *
alloc_without_dump(hooks_t *h, void *new_addr, size_t bytes, size_t alignment,
		   bool *zero, bool *commit, unsigned arena)
{
	void *p = original_alloc(h, new_addr, bytes, alignment, zero, commit,
				 arena);

	if (p != NULL) {
		expect(madvise(p, bytes, MADV_DONTDUMP) == 0);
		nallocs++;
		nbytes += bytes;
	}
	return p;
}

/* Whether the kernel says "dd" of the mapping around an address. */
static bool
is_undumped(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long low, high;
	bool is_here = false, is_it = false;
	char line[512];

	expect(f != NULL);
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &low, &high) == 2)
			is_here = (uintptr_t)p >= low && (uintptr_t)p < high;
		if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			is_it = strstr(line, " dd") != NULL;
	}
	fclose(f);
	return is_it;
}

/* The steps of RocksDB's allocator for its block cache. */
static unsigned
make_without_dump(hooks_t *own)
{
	unsigned arena = make_arena();

	*own = *read_hooks(arena);
	original_alloc = own->alloc;
	own->alloc = alloc_without_dump;
	expect(write_hooks(arena, own) == 0);
	expect(read_hooks(arena) == own);
	return arena;
}

static void
a_cache_s_memory_is_kept_out_of_core_files(void)
{
	enum { N = 300 };
	static char *blocks[N];
	static hooks_t own;
	unsigned arena, cache;
	int flags;

	made_load();
	arena = make_without_dump(&own);
	cache = make_cache();
	flags = X_ARENA(arena) | X_TCACHE(cache);
	for (size_t i = 0; i < N; i++) {
		size_t n = 100 + i * i * 20;

		blocks[i] = x.mallocx(n, flags);
		expect(blocks[i] != NULL && arena_at(blocks[i]) == arena);
		expect(malloc_usable_size(blocks[i]) >= n);
		pattern_fill(blocks[i], n, i);
	}
	expect(nallocs > 0 && nbytes % (2 * MIB) == 0);
	for (size_t i = 0; i < N; i++) {
		expect(is_undumped(blocks[i]));
		expect(pattern_check(blocks[i], 100, i) == 100);
	}
	blocks[0] = malloc(100);
	expect(!is_undumped(blocks[0]));
	for (size_t i = 1; i < N; i++)
		x.dallocx(blocks[i], X_TCACHE(cache));
	end_cache(cache);
	end_arena(arena);
}

/* Whatever the arena gives back, others never get it with that advice. */
static void
memory_that_leaves_the_arena_is_dumped_again(void)
{
	enum { N = 60 };
	static hooks_t own;
	static char *blocks[N];
	unsigned arena;

	made_load();
	arena = make_without_dump(&own);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < N; i++)
			blocks[i] = x.mallocx(MIB, X_ARENA(arena));
		for (int i = 0; i < N; i++)
			x.dallocx(blocks[i], 0);
		for (int i = 0; i < N; i++) {
			blocks[i] = malloc(MIB);
			expect(!is_undumped(blocks[i]));
		}
		for (int i = 0; i < N; i++)
			free(blocks[i]);
		malloc_trim(0);
	}
	/* What ran empty was used again. */
	expect_for(nbytes <= 64 * MIB, "%zu", nbytes);
	end_arena(arena);
	for (int i = 0; i < 4 * N; i++) {
		char *p = malloc(MIB);

		expect(!is_undumped(p));
		expect(zero_check(p, 0) == 0);
	}
}

static void
large_blocks_use_the_room_that_others_left(void)
{
	static hooks_t own;
	unsigned arena;

	made_load();
	arena = make_without_dump(&own);
	for (int i = 0; i < 100; i++) {
		char *p = x.mallocx(9 * MIB, X_ARENA(arena) | X_ZERO);

		expect(is_undumped(p) && is_undumped(p + 9 * MIB - 1));
		expect(zero_check(p, 9 * MIB) == 9 * MIB);
		memset(p, 1, 9 * MIB);
		p = x.rallocx(p, 11 * MIB, X_ARENA(arena));
		expect(is_undumped(p) && is_undumped(p + 11 * MIB - 1));
		x.dallocx(p, 0);
		p = x.mallocx(100, X_ARENA(arena) | X_LG(23));
		expect(is_aligned(p, 8 * MIB) && is_undumped(p));
		x.dallocx(p, 0);
	}
	expect_for(nbytes <= 48 * MIB, "%zu", nbytes);
	/* Grown by malloc's rules, the block leaves, and its advice stays. */
	for (int i = 0; i < 3; i++) {
		char *p = x.mallocx(5 * MIB, X_ARENA(arena));

		p = realloc(p, 20 * MIB);
		expect(arena_at(p) == arena || !is_undumped(p));
		expect(arena_at(p) != arena || is_undumped(p));
		free(p);
	}
	end_arena(arena);
}

static void
hooks_may_be_given_when_the_arena_is_made(void)
{
	static hooks_t own, *given = &own;
	unsigned arena;
	size_t len = sizeof arena;
	void *p;

	made_load();
	own = *read_hooks(0);
	original_alloc = own.alloc;
	own.alloc = alloc_without_dump;
	expect(ctl("arenas.create", &arena, &len, &given, sizeof given) == 0);
	expect(read_hooks(arena) == given);
	p = x.mallocx(100, X_ARENA(arena));
	expect(is_undumped(p));
	x.dallocx(p, X_NONE);
	end_arena(arena);
}

static void
arenas_of_threads_keep_the_hooks_that_they_have(void)
{
	static hooks_t own;
	hooks_t none = { NULL, NULL, { NULL } };

	made_load();
	own = *read_hooks(0);
	own.alloc = alloc_without_dump;
	expect(write_hooks(0, &own) == EFAULT);
	expect(read_hooks(0) != &own);
	expect(write_hooks(make_arena(), &none) == EFAULT);
}

/* --- functions that misbehave ------------------------------------------------------ */

static size_t ndallocs;
static void *given_back;

static void *
alloc_elsewhere(hooks_t *h, void *new_addr, size_t bytes, size_t alignment,
		bool *zero, bool *commit, unsigned arena)
{
	char *p = mmap(NULL, bytes + alignment, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)h, (void)new_addr, (void)arena;
	*zero = *commit = true;
	return (void *)(((uintptr_t)p + alignment - 1) & ~(alignment - 1));
}

static bool
note_dalloc(hooks_t *h, void *addr, size_t bytes, bool committed,
	    unsigned arena)
{
	(void)h, (void)bytes, (void)committed, (void)arena;
	given_back = addr;
	ndallocs++;
	return true;
}

static void
foreign_memory_is_refused_and_handed_back(void)
{
	static hooks_t own;
	unsigned arena;

	made_load();
	arena = make_arena();
	own = *read_hooks(arena);
	own.alloc = alloc_elsewhere;
	own.dalloc = note_dalloc;
	expect(write_hooks(arena, &own) == 0);
	expect(x.mallocx(100, X_ARENA(arena)) == NULL);
	expect(ndallocs >= 1 && given_back != NULL);
	expect(x.mallocx(3 * MIB, X_ARENA(arena)) == NULL);
	end_arena(arena);
}

static void *block_of_ours;

/* Ours, and in use. */
static void *
alloc_twice(hooks_t *h, void *new_addr, size_t bytes, size_t alignment,
	    bool *zero, bool *commit, unsigned arena)
{
	(void)h, (void)new_addr, (void)bytes, (void)alignment, (void)arena;
	*zero = *commit = true;
	return (void *)((uintptr_t)block_of_ours & ~(2 * MIB - 1));
}

static void
memory_that_is_in_use_is_refused(void)
{
	static hooks_t own;
	unsigned arena;

	made_load();
	block_of_ours = malloc(100);
	arena = make_arena();
	own = *read_hooks(arena);
	own.alloc = alloc_twice;
	expect(write_hooks(arena, &own) == 0);
	expect(x.mallocx(100, X_ARENA(arena)) == NULL);
	free(block_of_ours);
}

static void *
alloc_nothing(hooks_t *h, void *new_addr, size_t bytes, size_t alignment,
	      bool *zero, bool *commit, unsigned arena)
{
	(void)h, (void)new_addr, (void)bytes, (void)alignment, (void)zero;
	(void)commit, (void)arena;
	return NULL;
}

static void
a_function_that_gives_nothing_is_out_of_memory(void)
{
	static hooks_t own;
	unsigned arena;

	made_load();
	arena = make_arena();
	own = *read_hooks(arena);
	own.alloc = alloc_nothing;
	expect(write_hooks(arena, &own) == 0);
	expect(x.mallocx(100, X_ARENA(arena)) == NULL);
	end_arena(arena);
}

/* Writes to it, says so, and allocates itself meanwhile. */
static void *
alloc_and_write(hooks_t *h, void *new_addr, size_t bytes, size_t alignment,
		bool *zero, bool *commit, unsigned arena)
{
	char *own = malloc(1000);
	void *p = original_alloc(h, new_addr, bytes, alignment, zero, commit,
				 arena);

	memset(own, 1, 1000);
	free(own);
	if (p != NULL)
		memset(p, 0xff, bytes);
	*zero = false;
	return p;
}

static void
memory_that_the_function_wrote_to_is_zeroed(void)
{
	static hooks_t own;
	unsigned arena, cache;

	made_load();
	arena = make_arena();
	cache = make_cache();
	own = *read_hooks(arena);
	original_alloc = own.alloc;
	own.alloc = alloc_and_write;
	expect(write_hooks(arena, &own) == 0);
	for (size_t n = 100; n < 10 * MIB; n *= 3) {
		int flags = X_ARENA(arena) | X_ZERO | X_TCACHE(cache);
		char *p = x.mallocx(n, flags);

		expect(zero_check(p, n) == n);
	}
	/* While this thread's own cache is the one that allocates. */
	expect(ctl("thread.arena", NULL, NULL, &arena, sizeof arena) == 0);
	free(calloc(1, 30 * MIB));
	free(malloc(100));
}

static size_t depth, deepest;

static void *
alloc_and_use_much(hooks_t *h, void *new_addr, size_t bytes, size_t alignment,
		   bool *zero, bool *commit, unsigned arena)
{
	void *p = NULL;

	depth++;
	deepest = depth > deepest ? depth : deepest;
	if (depth == 1) {
		char *own = malloc(5 * MIB), *small = malloc(100);

		expect(own != NULL && arena_at(own) != arena);
		expect(small != NULL && arena_at(small) != arena);
		free(small);
		free(own);
		p = original_alloc(h, new_addr, bytes, alignment, zero, commit,
				   arena);
	}
	depth--;
	return p;
}

static void
a_thread_of_the_arena_may_allocate_in_its_functions(void)
{
	static hooks_t own;
	unsigned arena, first = 0;
	void *p;

	made_load();
	arena = make_arena();
	own = *read_hooks(arena);
	original_alloc = own.alloc;
	own.alloc = alloc_and_use_much;
	expect(write_hooks(arena, &own) == 0);
	expect(ctl("thread.arena", NULL, NULL, &arena, sizeof arena) == 0);
	p = malloc(100);
	expect(p != NULL && arena_at(p) == arena && deepest == 1);
	free(p);
	p = malloc(9 * MIB);
	expect(p != NULL && arena_at(p) == arena && deepest == 1);
	free(p);
	expect(ctl("thread.arena", NULL, NULL, &first, sizeof first) == 0);
	end_arena(arena);
}

static void
the_library_s_own_functions_take_back_what_they_gave_alone(void)
{
	hooks_t *h;
	bool zero = true, commit = false;
	char *p;

	made_load();
	h = read_hooks(0);
	p = h->alloc(h, NULL, 4 * MIB, 8 * MIB, &zero, &commit, 0);
	expect(is_aligned(p, 8 * MIB) && zero && commit);
	expect(zero_check(p, 4 * MIB) == 4 * MIB);
	memset(p, 1, 4 * MIB);
	expect(h->dalloc(h, p + MIB, 2 * MIB, true, 0));
	expect(h->dalloc(h, p, 6 * MIB, true, 0));
	expect(!h->dalloc(h, p, 4 * MIB, true, 0));
	expect(h->dalloc(h, p, 4 * MIB, true, 0));
	expect(h->dalloc(h, h, 2 * MIB, true, 0));
	expect(h->alloc(h, p, 2 * MIB, 2 * MIB, &zero, &commit, 0) == NULL);
	expect(h->alloc(h, NULL, SIZE_MAX, 1, &zero, &commit, 0) == NULL);
}

static const struct test_case cases[] = {
	CASE(a_cache_s_memory_is_kept_out_of_core_files),
	CASE(memory_that_leaves_the_arena_is_dumped_again),
	CASE(large_blocks_use_the_room_that_others_left),
	CASE(hooks_may_be_given_when_the_arena_is_made),
	CASE(arenas_of_threads_keep_the_hooks_that_they_have),
	CASE(foreign_memory_is_refused_and_handed_back),
	CASE(memory_that_is_in_use_is_refused),
	CASE(a_function_that_gives_nothing_is_out_of_memory),
	CASE(memory_that_the_function_wrote_to_is_zeroed),
	CASE(a_thread_of_the_arena_may_allocate_in_its_functions),
	CASE(the_library_s_own_functions_take_back_what_they_gave_alone),
};

int
main(int argc, char **argv)
{
	return RUN_CASES(argc, argv, cases);
}
