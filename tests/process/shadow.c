/*
 * shadow.c -- random operations against a shadow model.
 *
 * Each thread keeps a table of what it believes to hold: address, size,
 * alignment and the key of the pattern it wrote there. It calls the functions
 * of the interface at random, and at each touch of a block compares what is
 * there to what it believes. Blocks are handed over to other threads through
 * a shared shelf, so that half of them are freed by a stranger.
 *
 *	TRI_SHADOW_SEED=N     the same sequence again (exact with one thread)
 *	TRI_SHADOW_SECONDS=N  for each case; 2 unless said otherwise
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "library.h"
#include "memory.h"

#define SIZE_MAX_TRIED     (8 * MIB)
#define ALIGNMENT_BITS_MAX 21
#define N_SLOTS            400
#define N_SHELF            64
#define THREADS_MAX        16

/* Above this, only parts of a block are written and compared: see parts_*. */
#define WHOLE_MAX (32 * KIB)
#define PART      ((size_t)64)

/* What may live at once, over all threads: the test is to run anywhere. */
#define LIVE_MAX (192 * MIB)

struct believed {
	unsigned char *p;
	size_t size;
	size_t alignment; /* 0: came from no aligned function */
	uint64_t key;
	bool was_resized; /* by realloc: no claim on its alignment */
};

struct worker {
	struct random random;
	uint64_t seed;
	struct believed slots[N_SLOTS];
	uint64_t nops;
};

static struct worker workers[THREADS_MAX];
static _Atomic(struct believed *) shelf[N_SHELF];
static atomic_size_t live_bytes;
static atomic_bool stop;
static void (*free_sized_)(void *, size_t);
static void (*free_aligned_sized_)(void *, size_t, size_t);

/* The worker that runs on this thread, for messages. */
static _Thread_local struct worker *self;

#define believe(b, condition)                                                \
	expect_for(                                                          \
		condition,                                                   \
		"seed %llu, operation %llu: %p, %zu bytes at %zu, key %llu", \
		(unsigned long long)self->seed,                              \
		(unsigned long long)self->nops, (void *)(b)->p, (b)->size,   \
		(b)->alignment, (unsigned long long)(b)->key)

/* --- contents ----------------------------------------------------------------------- */

/* Large blocks: both ends, and a part of each 4 KiB, at a place of the key's. */
static size_t
part_offset(size_t page, uint64_t key)
{
	return page * 4096 + (key * 0x9e3779b9u >> 7) % (4096 - PART);
}

static void
contents_write(struct believed *b)
{
	if (b->size <= WHOLE_MAX) {
		pattern_fill(b->p, b->size, b->key);
		return;
	}
	for (size_t page = 0; page < b->size / 4096; page++)
		pattern_fill(b->p + part_offset(page, b->key), PART,
			     b->key + page);
	pattern_fill(b->p + b->size - PART, PART, ~b->key);
}

/* Whether the first `size` bytes are what they were. */
static void
contents_check(const struct believed *b, size_t size)
{
	if (b->size <= WHOLE_MAX) {
		believe(b, pattern_check(b->p, size, b->key) == size);
		return;
	}
	for (size_t page = 0; page < size / 4096 && page + 1 < b->size / 4096;
	     page++) {
		size_t at = part_offset(page, b->key);

		/* The last part was written over what lies at the end. */
		if (at + PART <= b->size - PART)
			believe(b, pattern_check(b->p + at, PART,
						 b->key + page) == PART);
	}
	if (size == b->size)
		believe(b, pattern_check(b->p + size - PART, PART, ~b->key) ==
				   PART);
}

/* --- one block's life ------------------------------------------------------------------ */

static bool
reserve_live(size_t bytes)
{
	if (atomic_fetch_add(&live_bytes, bytes) + bytes <= LIVE_MAX)
		return true;
	atomic_fetch_sub(&live_bytes, bytes);
	return false;
}

static void
begin(struct worker *w, struct believed *b, void *p)
{
	b->p = p;
	b->key = random_next(&w->random);
	believe(b, p != NULL);
	believe(b, is_aligned(p, ALIGNMENT));
	believe(b, b->alignment == 0 || is_aligned(p, b->alignment));
	believe(b, malloc_usable_size(p) >= b->size);
	contents_write(b);
}

static void *
alloc_aligned(struct worker *w, struct believed *b)
{
	size_t alignment = (size_t)1
			   << random_below(&w->random, ALIGNMENT_BITS_MAX + 1);
	void *p = NULL;

	b->alignment = alignment;
	switch (random_below(&w->random, 5)) {
	case 0:
		return aligned_alloc(alignment, b->size);
	case 1:
		return memalign(alignment, b->size);
	case 2:
		b->alignment = 4096;
		return valloc(b->size);
	case 3:
		b->alignment = 4096;
		return pvalloc(b->size);
	default:
		b->alignment = alignment < sizeof(void *) ? sizeof(void *)
							  : alignment;
		expect(posix_memalign(&p, b->alignment, b->size) == 0);
		return p;
	}
}

static void *
alloc_zeroed(struct worker *w, struct believed *b)
{
	size_t unit = 1 + random_below(&w->random, 16);
	void *p = calloc(b->size / unit + 1, unit);

	b->size = (b->size / unit + 1) * unit;
	if (p != NULL)
		expect_for(zero_check(p, b->size) == b->size,
			   "seed %llu, operation %llu",
			   (unsigned long long)w->seed,
			   (unsigned long long)w->nops);
	return p;
}

static void *
alloc_any(struct worker *w, struct believed *b)
{
	switch (random_below(&w->random, 8)) {
	case 0:
	case 1:
		return alloc_zeroed(w, b);
	case 2:
		return alloc_aligned(w, b);
	case 3:
		return realloc(NULL, b->size);
	case 4:
		return reallocarray(NULL, b->size, 1);
	default:
		return malloc(b->size);
	}
}

/* Most are small, as in life; each doubling up to the limit has its share. */
static size_t
any_size(struct worker *w)
{
	size_t max = random_below(&w->random, 8) != 0 ? 32 * KIB
						      : SIZE_MAX_TRIED;

	return random_size(&w->random, max - 16);
}

static void
slot_alloc(struct worker *w, struct believed *b)
{
	size_t size = any_size(w);

	/* calloc rounds up by 15 at most. */
	if (!reserve_live(size + 16))
		return;
	*b = (struct believed){ .size = size };
	begin(w, b, alloc_any(w, b));
	atomic_fetch_sub(&live_bytes, size + 16 - b->size);
}

static void
free_any(struct worker *w, const struct believed *b)
{
	switch (random_below(&w->random, 4)) {
	case 0:
		if (b->was_resized)
			free(b->p);
		else if (b->alignment != 0)
			free_aligned_sized_(b->p, b->alignment, b->size);
		else
			free_sized_(b->p, b->size);
		return;
	case 1:
		/* As glibc: frees. But of nothing it would make a block. */
		expect(realloc(b->p, hide_size(0)) == NULL);
		return;
	default:
		free(b->p);
	}
}

static void
slot_free(struct worker *w, struct believed *b)
{
	contents_check(b, b->size);
	errno = 77;
	free_any(w, b);
	believe(b, errno == 77);
	atomic_fetch_sub(&live_bytes, b->size);
	b->p = NULL;
}

static void
slot_realloc(struct worker *w, struct believed *b)
{
	size_t size = 1 + any_size(w);
	size_t kept = size < b->size ? size : b->size;
	struct believed old = *b;
	void *p;

	if (!reserve_live(size))
		return;
	contents_check(b, b->size);
	p = random_below(&w->random, 2) == 0 ? realloc(b->p, size)
					     : reallocarray(b->p, 1, size);
	believe(&old, p != NULL);
	old.p = p;
	contents_check(&old, kept);
	*b = (struct believed){ .size = size, .was_resized = true };
	begin(w, b, p);
	atomic_fetch_sub(&live_bytes, old.size);
}

/* Puts a block on the shelf and takes what another thread left there. */
static void
slot_exchange(struct worker *w, struct believed *b)
{
	size_t at = random_below(&w->random, N_SHELF);
	struct believed *mine = malloc(sizeof *mine), *theirs;

	expect(mine != NULL);
	*mine = *b;
	theirs = atomic_exchange(&shelf[at], mine);
	b->p = NULL;
	if (theirs == NULL)
		return;
	*b = *theirs;
	free(theirs);
	if (b->p != NULL)
		contents_check(b, b->size);
}

static void
look_around(struct worker *w)
{
	struct mallinfo2 m;

	switch (random_below(&w->random, 3)) {
	case 0:
		malloc_trim(0);
		break;
	case 1:
		m = mallinfo2();
		expect(m.uordblks + m.fordblks <= m.arena);
		break;
	default:
		expect(malloc(hide_size(SIZE_MAX -
					random_below(&w->random, 100000))) ==
		       NULL);
	}
}

static void
do_one(struct worker *w)
{
	struct believed *b = &w->slots[random_below(&w->random, N_SLOTS)];
	size_t what = random_below(&w->random, 1000);

	w->nops++;
	if (what == 0)
		look_around(w);
	else if (what < 200)
		slot_exchange(w, b);
	else if (b->p == NULL)
		slot_alloc(w, b);
	else if (what < 400)
		slot_realloc(w, b);
	else
		slot_free(w, b);
}

/* --- threads --------------------------------------------------------------------------- */

static void *
work(void *i)
{
	struct worker *w = &workers[(uintptr_t)i];

	self = w;
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		do_one(w);
	return NULL;
}

/* Threads come and go: those after the first generation inherit its slots. */
static void
run_generation(size_t nthreads, long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000,
				       .tv_nsec = ms % 1000 * 1000000 };
	pthread_t threads[THREADS_MAX];

	atomic_store(&stop, false);
	crowd_start(threads, nthreads, work);
	nanosleep(&time, NULL);
	atomic_store(&stop, true);
	crowd_join(threads, nthreads);
}

static void
free_everything(size_t nthreads)
{
	for (size_t i = 0; i < nthreads; i++) {
		self = &workers[i];
		for (size_t k = 0; k < N_SLOTS; k++) {
			if (self->slots[k].p != NULL)
				slot_free(self, &self->slots[k]);
		}
	}
	for (size_t i = 0; i < N_SHELF; i++) {
		struct believed *b = atomic_load(&shelf[i]);

		if (b != NULL && b->p != NULL)
			slot_free(self, b);
		free(b);
	}
	expect_for(atomic_load(&live_bytes) == 0, "%zu",
		   atomic_load(&live_bytes));
}

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void
run(size_t nthreads)
{
	uint64_t seed = number_from("TRI_SHADOW_SEED", (uint64_t)time(NULL));
	long seconds = (long)number_from("TRI_SHADOW_SECONDS", 2);
	size_t before = mallinfo2().uordblks, after;
	uint64_t nops = 0;

	free_sized_ = (void (*)(void *, size_t))library_function("free_sized");
	free_aligned_sized_ = (void (*)(
		void *, size_t, size_t))library_function("free_aligned_sized");
	for (size_t i = 0; i < nthreads; i++)
		workers[i] = (struct worker){
			.random = { seed * THREADS_MAX + i }, .seed = seed
		};
	for (int generation = 0; generation < 4; generation++)
		run_generation(nthreads, seconds * 250);
	free_everything(nthreads);
	for (size_t i = 0; i < nthreads; i++)
		nops += workers[i].nops;
	after = mallinfo2().uordblks;
	remark("seed %llu: %llu operations by %zu threads\n",
	       (unsigned long long)seed, (unsigned long long)nops, nthreads);
	expect_for(after <= before + 64 * KIB, "%zu bytes in use, %zu before",
		   after, before);
}

static void
the_allocator_does_what_the_model_believes_on_one_thread(void)
{
	run(1);
}

static void
the_allocator_does_what_the_model_believes_on_four_threads(void)
{
	run(4);
}

static void
the_allocator_does_what_the_model_believes_on_sixteen_threads(void)
{
	run(16);
}

int
main(int argc, char **argv)
{
	/* Longer by TRI_SHADOW_SECONDS, which then must be waited for. */
	const unsigned timeout_s = 60 + 2 * (unsigned)number_from(
						    "TRI_SHADOW_SECONDS", 2);
	const struct test_case cases[] = {
		CASE(the_allocator_does_what_the_model_believes_on_one_thread,
		     .timeout_s = timeout_s),
		CASE(the_allocator_does_what_the_model_believes_on_four_threads,
		     .timeout_s = timeout_s),
		CASE(the_allocator_does_what_the_model_believes_on_sixteen_threads,
		     .timeout_s = timeout_s),
		{ .name = "the_same_with_memory_given_back_at_once",
		  .run = the_allocator_does_what_the_model_believes_on_four_threads,
		  .conf = "decay_ms:0",
		  .timeout_s = timeout_s },
		{ .name = "the_same_without_thread_caches",
		  .run = the_allocator_does_what_the_model_believes_on_four_threads,
		  .conf = "tcache:false",
		  .timeout_s = timeout_s },
		{ .name = "the_same_with_one_arena_and_tiny_caches",
		  .run = the_allocator_does_what_the_model_believes_on_four_threads,
		  .conf = "narenas:1,tcache_max:256,decay_ms:50",
		  .timeout_s = timeout_s },
	};

	return RUN_CASES(argc, argv, cases);
}
