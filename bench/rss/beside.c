/*
 * beside.c -- threads that replace large blocks beside memory that is not
 * malloc's, for a memory limit that leaves little room.
 *
 * So lives a JVM whose heap takes most of its container: what malloc has to do
 * with is small, and comes and goes all the time. Whatever is given back is
 * wanted again at once, and whatever is kept is missing to the limit.
 *
 *   --threads N --blocks N  the threads, and how many blocks each has alive
 *   --least N --most N      bytes of a block, all sizes between them alike
 *   --own N                 bytes that are not malloc's
 *   --replacements N        of each thread, in each of --waves N
 *   --dry 1                 the same without a block: the program's own memory
 *
 * Marks: start, a lull behind each wave, result (with live_peak_bytes: the sum
 * of what each thread has alive at most) and end. Every run with the same
 * options asks for the same blocks.
 */
#include "scenario.h"

/* A block; in a dry run just its size. */
struct item {
	void *block;
	uint64_t size;
};

/* One thread. */
struct worker {
	struct item *items;
	struct bench_random random;
	uint64_t bytes, peak;
};

struct load {
	unsigned int nthreads;
	uint32_t nblocks, least, most;
	bool is_dry;
	struct worker *workers;
	struct work work;
};

static void
worker_replace(const struct load *load, struct worker *worker)
{
	uint32_t at = bench_random_below(&worker->random, load->nblocks);
	uint32_t size = load->least +
			bench_random_below(&worker->random,
					   load->most - load->least);
	struct item *item = &worker->items[at];

	if (item->block != NULL)
		stamp_free(item->block);
	worker->bytes += size - item->size;
	item->size = size;
	if (worker->bytes > worker->peak)
		worker->peak = worker->bytes;
	if (!load->is_dry)
		item->block = stamp_alloc(size);
}

static void
load_work(void *arg, unsigned int index, uint64_t nreplacements)
{
	struct load *load = arg;

	for (uint64_t i = 0; i < nreplacements; i++)
		worker_replace(load, &load->workers[index]);
}

static void
load_run(struct load *load, uint64_t nwaves, uint64_t nreplacements)
{
	struct bench_team *team;
	struct mark result;
	uint64_t peak = 0;

	team = bench_team_start(load->nthreads, load_work, load);
	mark_start();
	for (uint64_t i = 0; i < nwaves; i++) {
		work_run(&load->work, team, load->nthreads, nreplacements);
		mark_plain("lull");
	}
	for (unsigned int i = 0; i < load->nthreads; i++)
		peak += load->workers[i].peak;
	load->work.nops = nwaves * nreplacements * load->nthreads;
	result = mark_begin("result");
	mark_number(&result, "live_peak_bytes", peak);
	mark_work(&result, &load->work);
	mark_end(&result);
}

static void
load_init(struct load *load)
{
	size_t bytes = load->nblocks * sizeof(struct item);
	char *items = map_resident(load->nthreads * bytes);

	load->workers = map_resident(load->nthreads * sizeof(struct worker));
	for (unsigned int i = 0; i < load->nthreads; i++) {
		load->workers[i].items = (struct item *)(items + i * bytes);
		load->workers[i].random = bench_random_init(i);
	}
}

enum { THREADS, BLOCKS, LEAST, MOST, OWN, REPLACEMENTS, WAVES, DRY, NOPTIONS };

int
main(int argc, char **argv)
{
	struct option options[NOPTIONS] = {
		[THREADS] = { "--threads", 4 },
		[BLOCKS] = { "--blocks", 64 },
		[LEAST] = { "--least", 32 * KIB },
		[MOST] = { "--most", 232 * KIB },
		[OWN] = { "--own", 455 * MIB },
		[REPLACEMENTS] = { "--replacements", 25000 },
		[WAVES] = { "--waves", 8 },
		[DRY] = { "--dry", 0 },
	};
	struct load load = { 0 };

	options_parse(options, NOPTIONS, argc, argv);
	load.nthreads = (unsigned int)options[THREADS].value;
	load.nblocks = (uint32_t)options[BLOCKS].value;
	load.least = (uint32_t)options[LEAST].value;
	load.most = (uint32_t)options[MOST].value;
	load.is_dry = options[DRY].value != 0;
	if (load.least < 16 || load.most <= load.least)
		bench_die("--least is 16 or more, and --most more than that");
	map_resident((size_t)options[OWN].value);
	load_init(&load);
	load_run(&load, (uint64_t)options[WAVES].value,
		 (uint64_t)options[REPLACEMENTS].value);
	await_leave();
	return 0;
}
