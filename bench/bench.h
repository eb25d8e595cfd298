/*
 * bench.h -- what a benchmark is, and the little that benchmarks share.
 *
 * A benchmark is a row of `struct bench` in the C file that asks its question.
 * The row says how many iterations it runs: the same number under every
 * allocator, so that time, page faults and peak memory are of the same work.
 *
 * Above   every bench/<question>.c; adapter.cc runs the rows
 * Always  the harness's own memory comes from bench_map(), never from the
 *         allocator under test; nothing but run() is inside the timed region
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BENCH_PAGE = 4096,
	KIB = 1024,
	MIB = 1024 * 1024,
};

/* Which clock the figure is read from. */
enum bench_clock {
	/* CPU time of the process, helper threads of the allocator included:
	 * what other processes on the machine do hardly shows. */
	BENCH_CPU,
	/* Wall time: waiting for locks and for other threads is the point. */
	BENCH_WALL,
};

/* Which of the targets a row belongs to; every row belongs to the means. */
enum bench_group {
	BENCH_GENERAL,
	BENCH_LARGE, /* large blocks as zlib, zstd and direct buffers use them */
	BENCH_CROWD,   /* 400 threads */
	BENCH_STARTUP, /* a process that does nothing */
	BENCH_IDLE,    /* bytes per idle thread; its time means nothing */
};

/* One figure beside the time, named by the benchmark. */
typedef void bench_count_fn(void *out, const char *name, double value);

struct bench {
	const char *name; /* question/variant */
	enum bench_clock clock;
	enum bench_group group;
	uint64_t iterations;   /* at --scale 1 */
	size_t size, size_max; /* bytes of a block, or the bounds */
	size_t count;          /* blocks alive, or in a batch */
	unsigned int nthreads; /* 0: the question knows no threads */
	void *(*setup)(const struct bench *b);
	void (*run)(void *state, uint64_t iterations);
	/* Figures beside the time; after run(), before teardown(). Optional. */
	void (*report)(void *state, bench_count_fn *count, void *out);
	void (*teardown)(void *state);
};

struct bench_set {
	const struct bench *rows;
	size_t nrows;
};

/* Adds the array of rows `table` to the suite: the linker gathers the sets, so
 * no list of benchmarks has to be kept anywhere. */
#define BENCH_REGISTER(table)                              \
	static const struct bench_set table##_set = {      \
		table, sizeof(table) / sizeof((table)[0])  \
	};                                                 \
	static const struct bench_set *const table##_entry \
		__attribute__((section("bench_sets"), used)) = &table##_set

/*
 * Keeping the compiler honest
 *
 * The C files are compiled with -fno-builtin for the allocation functions, and
 * every block passes bench_touch(), whose asm the compiler cannot look into: no
 * pair of malloc and free is elided, moved or merged.
 */
static inline void
bench_keep(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

/*
 * Uses a block as a program would at least: writes its first 8 bytes (1 byte of
 * a smaller block), and one byte in every further 4 KiB, so that each page of it
 * is resident. The rest is left alone: more writing would measure memory
 * bandwidth. Running out of memory ends in a segmentation fault here.
 */
static inline void
bench_touch(void *block, size_t size)
{
	char *bytes = (char *)block;

	if (size >= sizeof(uint64_t))
		*(uint64_t *)block = size;
	else
		bytes[0] = 1;
	for (size_t at = BENCH_PAGE; at < size; at += BENCH_PAGE)
		bytes[at] = 1;
	bench_keep(block);
}

/* A random number generator (xorshift64*): the same numbers in each run. */
struct bench_random {
	uint64_t state;
};

static inline uint32_t
bench_random_next(struct bench_random *random)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return (uint32_t)((x * 0x2545F4914F6CDD1DULL) >> 32);
}

/* Below `bound`, without a division. */
static inline uint32_t
bench_random_below(struct bench_random *random, uint32_t bound)
{
	return (uint32_t)(((uint64_t)bench_random_next(random) * bound) >> 32);
}

/* A seed of its own for each thread, never 0. */
static inline struct bench_random
bench_random_init(unsigned int seed)
{
	struct bench_random random = { 0x9E3779B97F4A7C15ULL * (seed + 1) };

	bench_random_next(&random);
	return random;
}

/* `bytes` of zeroed memory from mmap; ends the process when there is none. */
void *bench_map(size_t bytes);
void bench_unmap(void *memory, size_t bytes);

/* Ends the process with a sentence on stderr. */
void bench_die(const char *sentence) __attribute__((noreturn));

enum { BENCH_NSIZES = 4096 }; /* a power of two: indexes are masked */

/* BENCH_NSIZES sizes, uniform in their logarithm, from `min` to `max` bytes in
 * random order; from bench_map(). */
uint32_t *bench_sizes_map(size_t min, size_t max, unsigned int seed);
void bench_sizes_unmap(uint32_t *sizes);

/*
 * A team: threads that exist before the clock starts. bench_team_run() lets
 * each call `work(arg, index, iterations of the thread)` once and returns when
 * the last one is done.
 */
struct bench_team;
typedef void bench_work_fn(void *arg, unsigned int index, uint64_t iterations);

struct bench_team *bench_team_start(unsigned int nthreads, bench_work_fn *work,
				    void *arg);
/* Shares `iterations` out evenly, at least one each. */
void bench_team_run(struct bench_team *team, uint64_t iterations);
void bench_team_stop(struct bench_team *team);

#ifdef __cplusplus
}
#endif

#endif /* BENCH_BENCH_H */
