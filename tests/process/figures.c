/*
 * figures.c -- mallinfo, mallinfo2, malloc_info, malloc_stats, malloc_trim and
 * mallopt: what they say is true, what they promise happens.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "info.h"
#include "library.h"
#include "memory.h"

/* Nothing is decayed behind the back of a case that counts. */
#define NO_DECAY "decay_ms:-1"

enum { N_BLOCKS = 20000 };
static void *blocks[N_BLOCKS];

static void
alloc_blocks(size_t n, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		blocks[i] = malloc(hide_size(n));
		expect(blocks[i] != NULL);
		memset(blocks[i], 1, n);
	}
}

static void
free_blocks(size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
}

/* --- mallinfo -------------------------------------------------------------- */

/*
 * What the program holds. HotSpot takes uordblks alone in older releases and
 * adds hblkhd in newer ones, so both must be right.
 */
static size_t
in_use(void)
{
	return mallinfo2().uordblks;
}

static size_t
in_use_with_mapped(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static size_t
difference(size_t a, size_t b)
{
	return a > b ? a - b : b - a;
}

/* Room for blocks that stdio and the allocator's own ways add or take. */
#define NOISE (64 * KIB)

static void
expect_moves(size_t (*figure)(void), size_t n, size_t count)
{
	size_t before = figure(), during, usable = 0;

	alloc_blocks(n, count);
	during = figure();
	for (size_t i = 0; i < count; i++)
		usable += malloc_usable_size(blocks[i]);
	free_blocks(count);
	expect_for(difference(during - before, usable) <= NOISE,
		   "%zu for %zu of %zu, %zu usable", during - before, count, n,
		   usable);
	expect_for(difference(figure(), before) <= NOISE,
		   "%zu before, %zu after", before, figure());
}

static void
expect_moves_at_every_size(size_t (*figure)(void))
{
	expect_moves(figure, 16, 20000);
	expect_moves(figure, 1000, 20000);
	expect_moves(figure, 20000, 1000);
	expect_moves(figure, 300000, 100);
	expect_moves(figure, 8 * MIB, 4);
}

static void
uordblks_moves_by_what_is_allocated_and_freed(void)
{
	expect_moves_at_every_size(in_use);
}

static void
uordblks_and_hblkhd_count_nothing_twice(void)
{
	expect_moves_at_every_size(in_use_with_mapped);
}

static void
mallinfo_says_what_mallinfo2_says(void)
{
	/* glibc's header calls it deprecated. */
	struct mallinfo (*mallinfo_)(
		void) = (struct mallinfo(*)(void))library_function("mallinfo");
	struct mallinfo2 wide;
	struct mallinfo narrow;

	alloc_blocks(1000, 5000);
	narrow = mallinfo_();
	wide = mallinfo2();
	expect((size_t)narrow.arena == wide.arena);
	expect((size_t)narrow.uordblks == wide.uordblks);
	expect((size_t)narrow.fordblks == wide.fordblks);
	expect((size_t)narrow.hblkhd == wide.hblkhd);
	free_blocks(5000);
}

static void
what_mallinfo2_says_adds_up(void)
{
	struct mallinfo2 m;

	alloc_blocks(1000, 10000);
	free_blocks(5000);
	m = mallinfo2();
	expect_for(m.arena == m.uordblks + m.fordblks,
		   "arena %zu, uordblks %zu, fordblks %zu", m.arena, m.uordblks,
		   m.fordblks);
	expect_for(m.fordblks >= 4 * MIB, "fordblks %zu", m.fordblks);
}

static void *
alloc_here(void *n)
{
	char *p = malloc(*(size_t *)n);

	expect(p != NULL);
	return p;
}

static void
mallinfo2_counts_what_other_threads_hold(void)
{
	size_t n = 3 * MIB, before = in_use();
	void *held[8];

	for (int i = 0; i < 8; i++) {
		pthread_t t;

		expect(pthread_create(&t, NULL, alloc_here, &n) == 0);
		expect(pthread_join(t, &held[i]) == 0);
	}
	expect_for(in_use() - before >= 8 * n, "%zu", in_use() - before);
	expect_for(in_use() - before <= 8 * n + MIB, "%zu", in_use() - before);
	for (int i = 0; i < 8; i++)
		free(held[i]);
}

/* --- malloc_trim -------------------------------------------------------------- */

static void
expect_trimmed(size_t n, size_t count)
{
	size_t before = resident_bytes(), during, after;

	alloc_blocks(n, count);
	during = resident_bytes();
	free_blocks(count);
	expect(malloc_trim(0) == 1);
	after = resident_bytes();
	expect_for(during - before >= n * count, "%zu", during - before);
	expect_for(after < before + MIB,
		   "%zu KiB before, %zu allocated, %zu after", before / KIB,
		   during / KIB, after / KIB);
}

static void
malloc_trim_gives_back_what_small_blocks_had(void)
{
	expect_trimmed(100, N_BLOCKS);
	expect_trimmed(3000, N_BLOCKS);
}

static void
malloc_trim_gives_back_what_large_blocks_had(void)
{
	expect_trimmed(40000, 1000);
	expect_trimmed(300000, 200);
}

static void
malloc_trim_gives_back_what_huge_blocks_had(void)
{
	size_t before = resident_bytes();

	alloc_blocks(8 * MIB, 8);
	free_blocks(8);
	malloc_trim(0);
	expect_for(resident_bytes() < before + MIB, "%zu KiB",
		   resident_bytes() / KIB);
}

static void
malloc_trim_with_nothing_to_give_returns_0(void)
{
	alloc_blocks(1000, 10000);
	free_blocks(10000);
	malloc_trim(0);
	expect(malloc_trim(0) == 0);
	expect(malloc_trim(0) == 0);
}

/* One block in 1 MB lives on: what lies between is free to the last page. */
static void
malloc_trim_gives_back_slabs_between_survivors(void)
{
	size_t before, after;

	alloc_blocks(1000, N_BLOCKS);
	before = resident_bytes();
	for (size_t i = 0; i < N_BLOCKS; i++) {
		if (i % 1000 != 0)
			free(blocks[i]);
	}
	expect(malloc_trim(0) == 1);
	after = resident_bytes();
	expect_for(before - after >= 17 * MIB, "%zu KiB before, %zu after",
		   before / KIB, after / KIB);
	for (size_t i = 0; i < N_BLOCKS; i += 1000)
		free(blocks[i]);
}

static pthread_barrier_t barrier;

static void
alloc_and_free_a_megabyte(void)
{
	void *mine[500];

	for (int i = 0; i < 500; i++) {
		mine[i] = malloc(hide_size(2000));
		expect(mine[i] != NULL);
		memset(mine[i], 1, 2000);
	}
	for (int i = 0; i < 500; i++)
		free(mine[i]);
}

static void *
fill_the_own_cache(void *unused)
{
	char stack[32 * KIB];

	/* The stack shall not grow while memory is measured. */
	memset(hide(stack), 1, sizeof stack);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int round = 0; round < 4; round++)
		alloc_and_free_a_megabyte();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

static void
malloc_trim_reaches_the_caches_of_idle_threads(void)
{
	enum { N = 32 };
	pthread_t threads[N];
	size_t before, after;

	expect(pthread_barrier_init(&barrier, NULL, N + 1) == 0);
	for (int i = 0; i < N; i++)
		expect(pthread_create(&threads[i], NULL, fill_the_own_cache,
				      NULL) == 0);
	pthread_barrier_wait(&barrier);
	before = resident_bytes();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	malloc_trim(0);
	after = resident_bytes();
	expect_for(after <= before + N * 16 * KIB, "%zu KiB before, %zu after",
		   before / KIB, after / KIB);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < N; i++)
		expect(pthread_join(threads[i], NULL) == 0);
}

static atomic_int spinning;

/* It does not wait, and it does not allocate either. */
static void *
fill_the_own_cache_and_spin(void *unused)
{
	alloc_and_free_a_megabyte();
	atomic_store(&spinning, 1);
	while (atomic_load_explicit(&spinning, memory_order_relaxed) == 1)
		continue;
	/* What it finds of its cache afterwards is good for more. */
	alloc_and_free_a_megabyte();
	return unused;
}

static void
malloc_trim_reaches_the_cache_of_a_running_thread(void)
{
	pthread_t thread;

	expect(pthread_create(&thread, NULL, fill_the_own_cache_and_spin,
			      NULL) == 0);
	while (atomic_load(&spinning) == 0)
		sched_yield();
	expect(info_number("cached") > 16 * KIB);
	expect(malloc_trim(0) == 1);
	/* info_number()'s own. */
	expect_for(info_number("cached") <= 16 * KIB, "%zu",
		   info_number("cached"));
	atomic_store(&spinning, 2);
	expect(pthread_join(thread, NULL) == 0);
}

/* --- malloc_info and malloc_stats ----------------------------------------------- */

/* Standard input must be one well-formed XML document with <malloc> around. */
static void
expect_xml(int fd)
{
	static const char script[] =
		"import sys, xml.etree.ElementTree as e\n"
		"root = e.fromstring(sys.stdin.read())\n"
		"sys.exit(not (root.tag == 'malloc' and 'version' in root.attrib and len(root)))\n";
	char *argv[] = { (char[]){ "python3" }, (char[]){ "-c" },
			 strdup(script), NULL };
	posix_spawn_file_actions_t actions;
	extern char **environ;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	expect(posix_spawnp(&pid, "python3", &actions, NULL, argv, environ) ==
	       0);
	expect(waitpid(pid, &status, 0) == pid);
	expect_for(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x",
		   (unsigned)status);
	posix_spawn_file_actions_destroy(&actions);
	free(argv[2]);
}

/*
 * The document is one moment's, two numbers of it are two documents': nothing
 * may happen in between. Pages that were only read are the kernel's.
 */
static void
malloc_info_presents_a_bill_that_leaves_nothing_open(void)
{
	const char *const left[] = { "allocated", "cached", "shelved",
				     "slab_free", "dirty" };
	size_t sum = 0, resident, untouched, n = 3000;
	int64_t open;

	alloc_blocks(5000, n);
	blocks[n] = malloc(64 << 20);
	expect(blocks[n] != NULL);
	for (size_t i = 0; i < n; i += 2)
		free(blocks[i]);
	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
		sum += info_number(left[i]);
	resident = info_number("resident");
	untouched = info_number("untouched");
	open = (int64_t)info_number("unaccounted");
	expect_for(untouched >= (size_t)64 << 20, "%zu", untouched);
	expect_for((int64_t)(sum - untouched) + open == (int64_t)resident,
		   "%zu - %zu + %lld is not %zu", sum, untouched,
		   (long long)open, resident);
	expect_for(open <= 0 && open >= -(int64_t)(64 << 10), "%lld",
		   (long long)open);
}

static void
malloc_info_writes_well_formed_xml(void)
{
	FILE *f = tmpfile();

	expect(f != NULL);
	alloc_blocks(1000, 1000);
	expect(malloc_info(0, f) == 0);
	expect(fflush(f) == 0 && lseek(fileno(f), 0, SEEK_SET) == 0);
	expect_xml(fileno(f));
	fclose(f);
}

/* As HotSpot calls it: the stream grows by realloc while it is written. */
static void
malloc_info_writes_to_a_stream_in_memory(void)
{
	char *text = NULL;
	size_t length = 0;
	FILE *f = open_memstream(&text, &length);

	expect(f != NULL);
	expect(malloc_info(0, f) == 0);
	expect(fclose(f) == 0);
	expect(length > 0 && text != NULL && strlen(text) == length);
	expect(strstr(text, "<malloc") != NULL &&
	       strstr(text, "</malloc>") != NULL);
	free(text);
}

static void
malloc_info_says_what_mallinfo2_says(void)
{
	struct mallinfo2 m;

	/* What stdio takes for the first time is slabs of its own. */
	info_number("allocated");
	alloc_blocks(1000, 10000);
	free_blocks(5000);
	m = mallinfo2();
	expect(difference(info_number("allocated"), m.uordblks) <= NOISE);
	expect(difference(info_number("cached") + info_number("shelved") +
				  info_number("slab_free") +
				  info_number("dirty"),
			  m.fordblks) <= NOISE);
	expect(difference(info_number("active") - info_number("slab_away") +
				  info_number("dirty"),
			  m.arena) <= NOISE);
}

/* Pages between survivors: active still, for their addresses are in use. */
static void
malloc_info_counts_pages_that_were_given_back(void)
{
	size_t away, dirty;

	alloc_blocks(1000, N_BLOCKS);
	for (size_t i = 0; i < N_BLOCKS; i++) {
		if (i % 50 != 0)
			free(blocks[i]);
	}
	expect(info_number("slab_away") == 0);
	malloc_trim(0);
	away = info_number("slab_away");
	dirty = info_number("dirty");
	expect_for(away >= 16 * MIB, "%zu", away);
	expect(info_number("purged_in_slabs") == away);
	expect(info_number("trims") == 1);
	/* All of it was written once: what is not away is resident. */
	expect_for(difference(info_number("resident"),
			      info_number("active") - away + dirty) <= MIB,
		   "%zu, %zu, %zu, %zu", info_number("resident"),
		   info_number("active"), away, dirty);
	/* The same blocks again bring it back. */
	for (size_t i = 0; i < N_BLOCKS; i++) {
		if (i % 50 != 0)
			blocks[i] = malloc(hide_size(1000));
	}
	expect(info_number("slab_away") <= MIB);
	expect_for(info_number("refaults") >= (away - MIB) / 4096, "%zu",
		   info_number("refaults"));
	free_blocks(N_BLOCKS);
}

static void
malloc_info_refuses_options_it_does_not_know(void)
{
	FILE *f = tmpfile();

	expect(f != NULL);
	expect(malloc_info(1, f) != 0);
	fflush(f);
	expect(lseek(fileno(f), 0, SEEK_END) == 0);
	fclose(f);
}

static void
malloc_stats_writes_to_standard_error(void)
{
	alloc_blocks(1000, 1000);
	malloc_stats();
}

/* --- mallopt ---------------------------------------------------------------------- */

static void
mallopt_returns_1_for_what_glibc_knows(void)
{
	expect(mallopt(M_MXFAST, 64) == 1);
	expect(mallopt(M_TRIM_THRESHOLD, 256 * 1024) == 1);
	expect(mallopt(M_TOP_PAD, 64 * 1024) == 1);
	expect(mallopt(M_MMAP_THRESHOLD, 1024 * 1024) == 1);
	expect(mallopt(M_MMAP_MAX, 1000) == 1);
	expect(mallopt(M_CHECK_ACTION, 1) == 1);
	expect(mallopt(M_PERTURB, 0) == 1);
	expect(mallopt(M_ARENA_TEST, 1) == 1);
	expect(mallopt(M_ARENA_MAX, 2) == 1);
	/* More than there may be are as many as there may be. */
	expect(mallopt(M_ARENA_MAX, 0x7fffffff) == 1);
	/* And all goes on. */
	alloc_blocks(1000, 1000);
	free_blocks(1000);
}

static void
mallopt_returns_0_for_what_nobody_knows(void)
{
	expect(mallopt(12345, 1) == 0);
	expect(mallopt(-99, 1) == 0);
	expect(mallopt(0x7fffffff, 1) == 0);
	expect(mallopt(M_ARENA_MAX, -1) == 0);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(uordblks_moves_by_what_is_allocated_and_freed),
		CASE(uordblks_and_hblkhd_count_nothing_twice),
		CASE(mallinfo_says_what_mallinfo2_says, .conf = NO_DECAY),
		CASE(what_mallinfo2_says_adds_up, .conf = NO_DECAY),
		CASE(mallinfo2_counts_what_other_threads_hold),
		CASE(malloc_trim_gives_back_what_small_blocks_had,
		     .conf = NO_DECAY),
		CASE(malloc_trim_gives_back_what_large_blocks_had,
		     .conf = NO_DECAY),
		CASE(malloc_trim_gives_back_what_huge_blocks_had,
		     .conf = NO_DECAY),
		CASE(malloc_trim_with_nothing_to_give_returns_0,
		     .conf = NO_DECAY),
		CASE(malloc_trim_gives_back_slabs_between_survivors,
		     .conf = NO_DECAY),
		CASE(malloc_trim_reaches_the_caches_of_idle_threads,
		     .conf = NO_DECAY),
		CASE(malloc_trim_reaches_the_cache_of_a_running_thread,
		     .conf = NO_DECAY),
		CASE(malloc_info_says_what_mallinfo2_says, .conf = NO_DECAY),
		CASE(malloc_info_counts_pages_that_were_given_back,
		     .conf = NO_DECAY),
		CASE(malloc_info_presents_a_bill_that_leaves_nothing_open,
		     .conf = NO_DECAY ",thp:never"),
		CASE(malloc_info_writes_well_formed_xml),
		CASE(malloc_info_writes_to_a_stream_in_memory),
		CASE(malloc_info_refuses_options_it_does_not_know),
		CASE(malloc_stats_writes_to_standard_error,
		     .says_somewhere =
			     "^resident +[1-9][0-9]* bytes  100[.]0 %$"),
		CASE(mallopt_returns_1_for_what_glibc_knows),
		CASE(mallopt_returns_0_for_what_nobody_knows),
	};

	return RUN_CASES(argc, argv, cases);
}
