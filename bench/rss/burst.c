/*
 * burst.c -- what stays resident of what many threads held at once?
 *
 * Each thread allocates its share in blocks of mixed sizes; when all of them
 * are alive ("peak") each frees, and nobody allocates any more ("freed"). The
 * threads stay, blocked, as those of a pool do.
 *
 *   --threads N --bytes N   the threads, and what each of them asks for
 *   --foreign 1             each frees what another one has allocated
 *   --exit 1                the threads end once they have freed
 *   --busy 1                one more thread allocates and frees all the while
 *
 * Marks: start, peak, result, freed, end.
 */
#include "scenario.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	LEAST_BYTES = 16,
	MOST_BYTES = 32 * 1024,
	/* Far below the mean of sizes uniform in their logarithm, 4.3 KiB. */
	MEAN_BYTES_ABOVE = 2000,
	HOLD_MS = 200, /* how long all blocks stay: some samples see the peak */
	NBUSY = 64,    /* blocks that the busy thread keeps */
};

/* One thread's blocks. */
struct share {
	void **blocks;
	size_t nblocks;
	uint64_t asked_bytes;
};

struct burst {
	unsigned int nthreads;
	uint64_t bytes_each;
	bool is_foreign;
	size_t nblocks_max; /* of a share */
	uint32_t *sizes;
	struct share *shares;
	void (*phase)(struct burst *burst, unsigned int index);
	struct work work;
};

static void
share_alloc(struct burst *burst, unsigned int index)
{
	struct share *share = &burst->shares[index];
	struct bench_random random = bench_random_init(index);
	uint32_t at = bench_random_next(&random);

	while (share->asked_bytes < burst->bytes_each) {
		uint32_t size = burst->sizes[at++ % BENCH_NSIZES];

		if (share->nblocks == burst->nblocks_max)
			bench_die("more blocks than there is room for");
		share->blocks[share->nblocks++] = stamp_alloc(size);
		share->asked_bytes += size;
	}
}

static void
share_free(struct burst *burst, unsigned int index)
{
	unsigned int away = burst->is_foreign ? burst->nthreads / 2 : 0;
	struct share *share = &burst->shares[(index + away) % burst->nthreads];

	for (size_t i = 0; i < share->nblocks; i++)
		stamp_free(share->blocks[i]);
}

static void
burst_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct burst *burst = arg;

	(void)iterations;
	burst->phase(burst, index);
}

static void
burst_run_phase(struct burst *burst, struct bench_team *team,
		void (*phase)(struct burst *, unsigned int))
{
	burst->phase = phase;
	work_run(&burst->work, team, burst->nthreads, 1);
}

static uint64_t
burst_asked_bytes(const struct burst *burst, uint64_t *nblocks)
{
	uint64_t asked = 0;

	*nblocks = 0;
	for (unsigned int i = 0; i < burst->nthreads; i++) {
		asked += burst->shares[i].asked_bytes;
		*nblocks += burst->shares[i].nblocks;
	}
	return asked;
}

static void
burst_init(struct burst *burst)
{
	size_t bytes;
	char *blocks;

	burst->nblocks_max = burst->bytes_each / MEAN_BYTES_ABOVE + 1;
	bytes = burst->nblocks_max * sizeof(void *);
	burst->sizes = bench_sizes_map(LEAST_BYTES, MOST_BYTES, 1);
	burst->shares = map_resident(burst->nthreads * sizeof(struct share));
	blocks = map_resident(burst->nthreads * bytes);
	for (unsigned int i = 0; i < burst->nthreads; i++)
		burst->shares[i].blocks = (void **)(blocks + i * bytes);
}

/* A thread with little to do that never stops calling malloc and free. */
struct busy {
	pthread_t thread;
	pthread_mutex_t gate; /* held until it may begin */
	atomic_bool is_over;
	const uint32_t *sizes;
};

static void *
busy_main(void *arg)
{
	struct busy *busy = arg;
	void *blocks[NBUSY] = { NULL };
	uint32_t n = 0;

	pthread_mutex_lock(&busy->gate);
	/* Relaxed: nothing but the flag itself is passed on. */
	while (!atomic_load_explicit(&busy->is_over, memory_order_relaxed)) {
		uint32_t at = n % NBUSY;

		if (blocks[at])
			stamp_free(blocks[at]);
		blocks[at] = stamp_alloc(busy->sizes[n++ % BENCH_NSIZES]);
	}
	pthread_mutex_unlock(&busy->gate);
	return NULL;
}

static void
busy_start(struct busy *busy, const uint32_t *sizes)
{
	busy->sizes = sizes;
	atomic_init(&busy->is_over, false);
	pthread_mutex_init(&busy->gate, NULL);
	pthread_mutex_lock(&busy->gate);
	if (pthread_create(&busy->thread, NULL, busy_main, busy))
		bench_die("a thread could not be started");
}

static void
busy_begin(struct busy *busy)
{
	pthread_mutex_unlock(&busy->gate);
}

static void
busy_stop(struct busy *busy)
{
	atomic_store_explicit(&busy->is_over, true, memory_order_relaxed);
	pthread_join(busy->thread, NULL);
}

static void
burst_peak(struct burst *burst)
{
	struct mark mark = mark_begin("peak");
	uint64_t nblocks;

	mark_number(&mark, "asked_bytes", burst_asked_bytes(burst, &nblocks));
	mark_number(&mark, "blocks", nblocks);
	mark_end(&mark);
	burst->work.nops = 2 * nblocks;
	sleep_until(now_ns() + HOLD_MS * 1000000ULL);
}

/* From the first block to the last mark before "end". */
static void
burst_run(struct burst *burst, bool is_exiting, struct busy *busy)
{
	struct bench_team *team;
	struct mark result;

	team = bench_team_start(burst->nthreads, burst_work, burst);
	mark_start();
	if (busy)
		busy_begin(busy);
	burst_run_phase(burst, team, share_alloc);
	burst_peak(burst);
	burst_run_phase(burst, team, share_free);
	if (is_exiting)
		bench_team_stop(team);
	mark_plain("freed");
	result = mark_begin("result");
	mark_work(&result, &burst->work);
	mark_end(&result);
}

enum { THREADS, BYTES, FOREIGN, EXIT, BUSY, NOPTIONS };

int
main(int argc, char **argv)
{
	struct option options[NOPTIONS] = {
		[THREADS] = { "--threads", 400 },
		[BYTES] = { "--bytes", 2000000 },
		[FOREIGN] = { "--foreign", 0 },
		[EXIT] = { "--exit", 0 },
		[BUSY] = { "--busy", 0 },
	};
	struct burst burst = { 0 };
	struct busy thread, *busy = NULL;

	options_parse(options, NOPTIONS, argc, argv);
	burst.nthreads = (unsigned int)options[THREADS].value;
	burst.bytes_each = (uint64_t)options[BYTES].value;
	burst.is_foreign = options[FOREIGN].value;
	burst_init(&burst);
	if (options[BUSY].value) {
		busy = &thread;
		busy_start(busy, burst.sizes);
	}
	burst_run(&burst, options[EXIT].value, busy);
	await_leave();
	if (busy)
		busy_stop(busy);
	return 0;
}
