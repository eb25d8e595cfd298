/*
 * pressure.c -- a load that bursts and fragments, for a memory limit close to
 * what is alive at once.
 *
 * The threads form groups, as a server's pools do. In a phase one group fills
 * its baskets with blocks until so many bytes are alive, in all; then another
 * group empties them at random but for a few blocks, of which half stay through
 * each further phase, and uses scratch blocks meanwhile; then all are idle.
 * The next phase has the next group fill, with other sizes: small blocks all
 * the time, as a server has, and among them those of that phase.
 *
 *   --threads N --groups N  the threads, and into how many groups they fall
 *   --bytes N               alive at the end of each phase's filling
 *   --phases N              how often this is done
 *   --fill N --lull N       milliseconds of a filling, as requests keep coming,
 *                           and of the idle time
 *   --dry 1                 all of this without a block: the program's own memory
 *
 * Marks: start, then fill (with live_bytes: what is alive at most) and lull for
 * each phase, result (with live_peak_bytes) and end. Every run with the same
 * options asks for the same blocks; what is alive at each mark is the same, too.
 */
#include "scenario.h"

enum {
	SMALL_MIN = 16,
	SMALL_MAX = 1024,
	/* Of 20 blocks in a basket, this many to 4 stay when it is emptied. */
	STAY_MIN = 1,
	STAY_MAX = 4,
	STAY_OF = 20,
	LEAST_MEAN = 400, /* bytes of a block, over any basket; see load_init */
	NPARTS = 20,      /* of a filling */
};

/* A phase's sizes: `nsmall` of 16 blocks are small, the others in [min, max]. */
struct mix {
	uint32_t min, max, nsmall;
};

static const struct mix MIXES[] = {
	{ 1 * KIB, 8 * KIB, 10 },  /* requests, rows, documents */
	{ 8 * KIB, 32 * KIB, 13 }, /* streams and their codecs */
	{ 256, 4 * KIB, 8 },       /* messages */
	{ 4 * KIB, 16 * KIB, 12 }, /* pages and read buffers */
};

enum { NMIXES = sizeof(MIXES) / sizeof(MIXES[0]) };

/* A block, which knows its size; in a dry run, just the size. */
union item {
	void *block;
	uint64_t size;
};

/* What one thread has filled, and others empty. */
struct basket {
	union item *items;
	uint64_t nitems, bytes;
};

enum step { FILL, EMPTY };

struct load {
	unsigned int nthreads, ngroups;
	uint64_t bytes, nphases, fill_ms, lull_ms;
	bool is_dry;
	uint64_t room; /* items of a basket */
	struct basket *baskets;
	uint32_t *small_sizes, *mix_sizes[NMIXES];
	/* Of the present step; written while no thread works. */
	uint64_t phase, share;
	enum step step;
	unsigned int part; /* of the filling */
	uint64_t *nops;    /* of each thread */
	struct work work;
};

static union item
item_make(const struct load *load, uint32_t size)
{
	union item item = { .size = size };

	if (!load->is_dry)
		item.block = stamp_alloc(size);
	return item;
}

static uint64_t
item_size(const struct load *load, union item item)
{
	return load->is_dry ? item.size : stamp_check(item.block);
}

static void
item_free(const struct load *load, union item item)
{
	if (!load->is_dry)
		stamp_free(item.block);
}

static uint32_t
size_draw(const struct load *load, struct bench_random *random)
{
	unsigned int mix = (unsigned int)(load->phase % NMIXES);
	uint32_t at = bench_random_below(random, BENCH_NSIZES);

	if (bench_random_below(random, 16) < MIXES[mix].nsmall)
		return load->small_sizes[at];
	return load->mix_sizes[mix][at];
}

static void
basket_fill(const struct load *load, struct basket *basket,
	    struct bench_random *random)
{
	uint64_t end = basket->bytes + load->share;

	while (basket->bytes < end) {
		uint32_t size = size_draw(load, random);

		if (basket->nitems == load->room)
			bench_die("a basket has no room");
		basket->items[basket->nitems++] = item_make(load, size);
		basket->bytes += size;
	}
}

/* A block no larger than the one just freed: what is alive does not grow. */
static void
use_scratch(const struct load *load, uint64_t freed_size,
	    struct bench_random *random)
{
	uint32_t size = size_draw(load, random);

	if (size <= freed_size)
		item_free(load, item_make(load, size));
}

static void
basket_empty(const struct load *load, struct basket *basket, uint32_t stay,
	     struct bench_random *random)
{
	uint64_t nkept = 0;

	for (uint64_t i = 0; i < basket->nitems; i++) {
		union item item = basket->items[i];
		uint64_t size = item_size(load, item);

		if (bench_random_below(random, STAY_OF) < stay) {
			basket->items[nkept++] = item;
			continue;
		}
		item_free(load, item);
		basket->bytes -= size;
		use_scratch(load, size, random);
	}
	basket->nitems = nkept;
}

/*
 * A thread's share of the baskets: those of its row, one from each group.
 * Of the one just filled few blocks stay, of what had stayed in the others a
 * half. Returns how many blocks were freed.
 */
static uint64_t
row_empty(const struct load *load, unsigned int row,
	  struct bench_random *random)
{
	struct basket *baskets = &load->baskets[row * load->ngroups];
	/* The same for all baskets of a phase. */
	uint32_t few = STAY_MIN +
		       (uint32_t)(load->phase % (STAY_MAX + 1 - STAY_MIN));
	uint64_t nfreed = 0;

	for (unsigned int group = 0; group < load->ngroups; group++) {
		bool is_filled = group == load->phase % load->ngroups;

		nfreed += baskets[group].nitems;
		basket_empty(load, &baskets[group],
			     is_filled ? few : STAY_OF / 2, random);
		nfreed -= baskets[group].nitems;
	}
	return nfreed;
}

/* Whether it is this group's turn: the next one empties what one has filled. */
static bool
group_works(const struct load *load, unsigned int group)
{
	uint64_t turn = load->step == FILL ? load->phase : load->phase + 1;

	return group == turn % load->ngroups;
}

/* One thread's part of a step. */
static void
load_step(void *arg, unsigned int index, uint64_t iterations)
{
	struct load *load = arg;
	struct basket *basket = &load->baskets[index];
	unsigned int seed = (unsigned int)(load->phase * (NPARTS + 1)) +
			    (load->step == FILL ? load->part : NPARTS);
	struct bench_random random = bench_random_init(seed * load->nthreads +
						       index);

	(void)iterations;
	if (!group_works(load, index % load->ngroups))
		return;
	if (load->step == EMPTY) {
		load->nops[index] += row_empty(load, index / load->ngroups,
					       &random);
		return;
	}
	load->nops[index] -= basket->nitems;
	basket_fill(load, basket, &random);
	load->nops[index] += basket->nitems;
}

static uint64_t
load_live(const struct load *load)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < load->nthreads; i++)
		bytes += load->baskets[i].bytes;
	return bytes;
}

static void
mark_live(const char *name, uint64_t live)
{
	struct mark mark = mark_begin(name);

	mark_number(&mark, "live_bytes", live);
	mark_end(&mark);
}

static void
load_fill(struct load *load, struct bench_team *team)
{
	uint64_t live = load_live(load);
	uint64_t missing = live < load->bytes ? load->bytes - live : 0;
	uint64_t start = now_ns();

	load->step = FILL;
	load->share = missing / (load->nthreads / load->ngroups) / NPARTS;
	for (load->part = 0; load->part < NPARTS; load->part++) {
		work_run(&load->work, team, load->nthreads, 1);
		sleep_until(start + (load->part + 1) * load->fill_ms *
					    (1000000 / NPARTS));
	}
}

/* Returns what was alive at its top. */
static uint64_t
load_phase(struct load *load, struct bench_team *team)
{
	uint64_t top;

	load_fill(load, team);
	top = load_live(load);
	mark_live("fill", top);
	load->step = EMPTY;
	work_run(&load->work, team, load->nthreads, 1);
	mark_live("lull", load_live(load));
	sleep_until(now_ns() + load->lull_ms * 1000000);
	return top;
}

static void
load_run(struct load *load)
{
	struct bench_team *team;
	struct mark result;
	uint64_t peak = 0;

	team = bench_team_start(load->nthreads, load_step, load);
	mark_start();
	for (load->phase = 0; load->phase < load->nphases; load->phase++) {
		uint64_t top = load_phase(load, team);

		peak = top > peak ? top : peak;
	}
	for (unsigned int i = 0; i < load->nthreads; i++)
		load->work.nops += load->nops[i];
	result = mark_begin("result");
	mark_number(&result, "live_peak_bytes", peak);
	mark_work(&result, &load->work);
	mark_end(&result);
}

static void
load_init(struct load *load)
{
	uint64_t share = load->bytes / (load->nthreads / load->ngroups);
	union item *items;

	load->small_sizes = bench_sizes_map(SMALL_MIN, SMALL_MAX, NMIXES);
	for (unsigned int i = 0; i < NMIXES; i++)
		load->mix_sizes[i] = bench_sizes_map(MIXES[i].min, MIXES[i].max,
						     i);
	load->nops = map_resident(load->nthreads * sizeof(*load->nops));
	load->baskets = map_resident(load->nthreads * sizeof(*load->baskets));
	/* No basket ever holds more than a whole share. */
	load->room = share / LEAST_MEAN;
	items = bench_map(load->nthreads * load->room * sizeof(*items));
	for (unsigned int i = 0; i < load->nthreads; i++)
		load->baskets[i].items = items + i * load->room;
}

enum { THREADS, GROUPS, BYTES, PHASES, FILL_MS, LULL_MS, DRY, NOPTIONS };

int
main(int argc, char **argv)
{
	struct option options[NOPTIONS] = {
		[THREADS] = { "--threads", 128 },
		[GROUPS] = { "--groups", 16 },
		[BYTES] = { "--bytes", 256 * MIB },
		[PHASES] = { "--phases", 16 },
		[FILL_MS] = { "--fill", 1000 },
		[LULL_MS] = { "--lull", 500 },
		[DRY] = { "--dry", 0 },
	};
	struct load load = { 0 };

	options_parse(options, NOPTIONS, argc, argv);
	load.nthreads = (unsigned int)options[THREADS].value;
	load.ngroups = (unsigned int)options[GROUPS].value;
	load.bytes = (uint64_t)options[BYTES].value;
	load.nphases = (uint64_t)options[PHASES].value;
	load.fill_ms = (uint64_t)options[FILL_MS].value;
	load.lull_ms = (uint64_t)options[LULL_MS].value;
	load.is_dry = options[DRY].value != 0;
	if (load.is_dry)
		load.fill_ms = load.lull_ms = 0;
	if (load.ngroups < 2 || load.nthreads % load.ngroups != 0)
		bench_die("threads do not fall into groups");
	load_init(&load);
	load_run(&load);
	await_leave();
	return 0;
}
