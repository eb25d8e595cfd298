/*
 * fragments.c -- what stays resident around the few blocks that survive?
 *
 * Threads fill memory with small blocks of random sizes; then each frees its
 * own but for a few, which lie where chance left them.
 *
 *   --threads N --bytes N   the threads, and what all of them ask for together
 *   --freed N               of a thousand blocks, how many are freed
 *
 * Marks: start, peak, freed (with live_bytes), result, checked (the survivors
 * still hold what was written into them), end.
 */
#include "scenario.h"

enum {
	LEAST_BYTES = 16,
	MOST_BYTES = 2048,
	MEAN_BYTES_ABOVE = 1000, /* it is 1032 */
	HOLD_MS = 200,
	/* The survivors are read only once nobody looks at RSS any more. */
	CHECK_AFTER_MS = 3500,
};

struct part {
	void **blocks;
	size_t nblocks;
	uint64_t live_bytes;
	struct bench_random random;
};

struct fragments {
	unsigned int nthreads;
	uint64_t bytes_each;
	uint32_t freed_per_mille;
	size_t nblocks_max; /* of a part */
	struct part *parts;
	void (*phase)(struct fragments *all, struct part *part);
	struct work work;
};

static void
part_alloc(struct fragments *all, struct part *part)
{
	while (part->live_bytes < all->bytes_each) {
		uint32_t above = bench_random_below(
			&part->random, MOST_BYTES - LEAST_BYTES + 1);

		if (part->nblocks == all->nblocks_max)
			bench_die("more blocks than there is room for");
		part->blocks[part->nblocks++] = stamp_alloc(LEAST_BYTES +
							    above);
		part->live_bytes += LEAST_BYTES + above;
	}
}

static void
part_free(struct fragments *all, struct part *part)
{
	size_t nleft = 0;

	for (size_t i = 0; i < part->nblocks; i++) {
		void *block = part->blocks[i];

		if (bench_random_below(&part->random, 1000) >=
		    all->freed_per_mille) {
			part->blocks[nleft++] = block;
			continue;
		}
		part->live_bytes -= stamp_check(block);
		free(block);
	}
	part->nblocks = nleft;
}

static void
part_check(struct fragments *all, struct part *part)
{
	(void)all;
	for (size_t i = 0; i < part->nblocks; i++)
		stamp_check(part->blocks[i]);
}

static void
fragments_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct fragments *all = arg;

	(void)iterations;
	all->phase(all, &all->parts[index]);
}

static void
fragments_run_phase(struct fragments *all, struct bench_team *team,
		    void (*phase)(struct fragments *, struct part *))
{
	all->phase = phase;
	work_run(&all->work, team, all->nthreads, 1);
}

/* Says how many blocks and bytes are alive, and counts their operations. */
static void
fragments_mark(struct fragments *all, const char *name, const char *figure)
{
	struct mark mark = mark_begin(name);
	uint64_t live_bytes = 0, nblocks = 0;

	for (unsigned int i = 0; i < all->nthreads; i++) {
		live_bytes += all->parts[i].live_bytes;
		nblocks += all->parts[i].nblocks;
	}
	mark_number(&mark, figure, live_bytes);
	mark_number(&mark, "blocks", nblocks);
	mark_end(&mark);
	all->work.nops = 2 * nblocks;
}

static void
fragments_init(struct fragments *all)
{
	size_t bytes;
	char *blocks;

	all->nblocks_max = all->bytes_each / MEAN_BYTES_ABOVE + 1;
	bytes = all->nblocks_max * sizeof(void *);
	all->parts = map_resident(all->nthreads * sizeof(struct part));
	blocks = map_resident(all->nthreads * bytes);
	for (unsigned int i = 0; i < all->nthreads; i++) {
		all->parts[i].blocks = (void **)(blocks + i * bytes);
		all->parts[i].random = bench_random_init(i);
	}
}

static void
fragments_run(struct fragments *all)
{
	struct bench_team *team;
	struct mark result;
	uint64_t freed_ns, nops;

	team = bench_team_start(all->nthreads, fragments_work, all);
	mark_start();
	fragments_run_phase(all, team, part_alloc);
	fragments_mark(all, "peak", "asked_bytes");
	nops = all->work.nops;
	sleep_until(now_ns() + HOLD_MS * 1000000ULL);
	fragments_run_phase(all, team, part_free);
	freed_ns = now_ns();
	fragments_mark(all, "freed", "live_bytes");
	all->work.nops = nops - all->work.nops / 2;
	result = mark_begin("result");
	mark_work(&result, &all->work);
	mark_end(&result);
	sleep_until(freed_ns + CHECK_AFTER_MS * 1000000ULL);
	fragments_run_phase(all, team, part_check);
	mark_plain("checked");
}

enum { THREADS, BYTES, FREED, NOPTIONS };

int
main(int argc, char **argv)
{
	struct option options[NOPTIONS] = {
		[THREADS] = { "--threads", 8 },
		[BYTES] = { "--bytes", 1000000000 },
		[FREED] = { "--freed", 950 },
	};
	struct fragments all = { 0 };

	options_parse(options, NOPTIONS, argc, argv);
	all.nthreads = (unsigned int)options[THREADS].value;
	all.bytes_each = (uint64_t)options[BYTES].value / all.nthreads;
	all.freed_per_mille = (uint32_t)options[FREED].value;
	fragments_init(&all);
	fragments_run(&all);
	await_leave();
	return 0;
}
