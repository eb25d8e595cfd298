/*
 * sawtooth.c -- a load that comes, goes, and comes again.
 *
 * A tooth: threads replace blocks of mixed sizes in sets that grow from nothing
 * side by side, free all of them, and then everybody is idle for a while. So
 * giving memory back pays while they idle, and costs when they begin again.
 *
 *   --threads N --bytes N   the threads, and what is alive at a tooth's top
 *   --ops N                 replacements of each thread in a tooth
 *   --teeth N --idle N      the teeth, and the milliseconds between them
 *
 * Marks: start, then for each tooth load and tooth (with index, and the tooth's
 * operations and times); after the last idle time result and end.
 */
#include "scenario.h"

enum {
	LEAST_BYTES = 16,
	MOST_BYTES = 32 * 1024,
	MEAN_BYTES = 4297, /* of sizes uniform in their logarithm */
	/* Threads wait for each other this often in a tooth: with few CPUs, one
	 * would else be through before the other begins. */
	NSTEPS = 25,
};

/* What one thread keeps. */
struct set {
	void **slots;
	uint64_t nallocs; /* of this tooth */
	struct bench_random random;
};

struct saw {
	unsigned int nthreads;
	uint64_t nops;
	uint32_t nslots; /* of a set */
	uint32_t step;   /* of the tooth; NSTEPS: everything is freed */
	uint32_t *sizes;
	struct set *sets;
	struct work total;
};

static void
set_replace(const struct saw *saw, struct set *set, uint32_t at)
{
	uint32_t size =
		saw->sizes[bench_random_below(&set->random, BENCH_NSIZES)];

	if (set->slots[at])
		stamp_free(set->slots[at]);
	set->slots[at] = stamp_alloc(size);
	set->nallocs++;
}

static void
set_empty(const struct saw *saw, struct set *set)
{
	for (uint32_t at = 0; at < saw->nslots; at++) {
		if (set->slots[at])
			stamp_free(set->slots[at]);
		set->slots[at] = NULL;
	}
}

/* One thread's part of a step. */
static void
saw_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct saw *saw = arg;
	struct set *set = &saw->sets[index];
	uint32_t bound = saw->nslots * (saw->step + 1) / NSTEPS;

	(void)iterations;
	if (saw->step == NSTEPS) {
		set_empty(saw, set);
		return;
	}
	for (uint64_t i = 0; i < saw->nops / NSTEPS; i++)
		set_replace(saw, set, bench_random_below(&set->random, bound));
}

static uint64_t
saw_count_ops(const struct saw *saw)
{
	uint64_t nallocs = 0;

	for (unsigned int i = 0; i < saw->nthreads; i++) {
		nallocs += saw->sets[i].nallocs;
		saw->sets[i].nallocs = 0;
	}
	return 2 * nallocs;
}

static void
saw_tooth(struct saw *saw, struct bench_team *team, uint64_t index)
{
	struct work work = { 0 };
	struct mark mark;

	mark_plain("load");
	for (saw->step = 0; saw->step <= NSTEPS; saw->step++)
		work_run(&work, team, saw->nthreads, 1);
	work.nops = saw_count_ops(saw);
	mark = mark_begin("tooth");
	mark_number(&mark, "index", index);
	mark_work(&mark, &work);
	mark_end(&mark);
	saw->total.nops += work.nops;
	saw->total.wall_ns += work.wall_ns;
	saw->total.cpu_ns += work.cpu_ns;
}

static void
saw_init(struct saw *saw, uint64_t bytes)
{
	size_t set_bytes;
	char *slots;

	saw->nslots = (uint32_t)(bytes / saw->nthreads / MEAN_BYTES);
	set_bytes = saw->nslots * sizeof(void *);
	saw->sizes = bench_sizes_map(LEAST_BYTES, MOST_BYTES, 1);
	saw->sets = map_resident(saw->nthreads * sizeof(struct set));
	slots = map_resident(saw->nthreads * set_bytes);
	for (unsigned int i = 0; i < saw->nthreads; i++) {
		saw->sets[i].slots = (void **)(slots + i * set_bytes);
		saw->sets[i].random = bench_random_init(i);
	}
}

static void
saw_run(struct saw *saw, uint64_t nteeth, uint64_t idle_ms)
{
	struct bench_team *team;
	struct mark result;

	team = bench_team_start(saw->nthreads, saw_work, saw);
	mark_start();
	for (uint64_t i = 0; i < nteeth; i++) {
		saw_tooth(saw, team, i);
		sleep_until(now_ns() + idle_ms * 1000000);
	}
	result = mark_begin("result");
	mark_work(&result, &saw->total);
	mark_end(&result);
}

enum { THREADS, BYTES, OPS, TEETH, IDLE, NOPTIONS };

int
main(int argc, char **argv)
{
	struct option options[NOPTIONS] = {
		[THREADS] = { "--threads", 100 },
		[BYTES] = { "--bytes", 400000000 },
		[OPS] = { "--ops", 100000 },
		[TEETH] = { "--teeth", 10 },
		[IDLE] = { "--idle", 5000 },
	};
	struct saw saw = { 0 };

	options_parse(options, NOPTIONS, argc, argv);
	saw.nthreads = (unsigned int)options[THREADS].value;
	saw.nops = (uint64_t)options[OPS].value;
	saw_init(&saw, (uint64_t)options[BYTES].value);
	saw_run(&saw, (uint64_t)options[TEETH].value,
		(uint64_t)options[IDLE].value);
	await_leave();
	return 0;
}
