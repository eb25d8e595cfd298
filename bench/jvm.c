/*
 * jvm.c -- what does the mix of sizes and lifetimes of a real JVM cost?
 *
 * The tables in data/ were recorded from JVMs (see record/). Before the clock
 * starts, every thread draws a trace of TRACE_BLOCKS allocations from its
 * table: each block's size, and after how many further allocations it dies.
 * Blocks that outlive the trace die at its end. An iteration is one block of
 * the trace, allocated and freed; a trace is always replayed to its end.
 */
#include "bench.h"

#include <assert.h>

enum {
	TRACE_BLOCKS = 50000,
	/* A death in `never`, or beyond the trace, is a death at its end. */
	AT_END = TRACE_BLOCKS,
	NLIFETIMES = 13,
};

struct jvm_size {
	uint32_t bytes, count;
	uint32_t lifetimes[NLIFETIMES];
};

#define JVM_SIZE(bytes, count, ...) { bytes, count, { __VA_ARGS__ } },
static const struct jvm_size nmt_off[] = {
#include "data/jvm-sizes-nmt-off.def"
};
static const struct jvm_size nmt_summary[] = {
#include "data/jvm-sizes-nmt-summary.def"
};
#undef JVM_SIZE

enum { MAX_ROWS = 4096 };
static_assert(sizeof(nmt_off) / sizeof(nmt_off[0]) <= MAX_ROWS &&
		      sizeof(nmt_summary) / sizeof(nmt_summary[0]) <= MAX_ROWS,
	      "a draft has sums for so many rows");

struct table {
	const struct jvm_size *rows;
	size_t nrows;
};

static const struct table tables[] = {
	{ nmt_off, sizeof(nmt_off) / sizeof(nmt_off[0]) },
	{ nmt_summary, sizeof(nmt_summary) / sizeof(nmt_summary[0]) },
};

/* What happens next: a malloc of `bytes` into the slot, or, with 0, a free. */
struct event {
	uint32_t slot, bytes;
};

struct trace {
	struct event events[2 * TRACE_BLOCKS];
	uint32_t nevents;
	void *slots[TRACE_BLOCKS];
};

/* Used while a trace is drawn. */
struct draft {
	struct bench_random random;
	/* Of the table's rows before and including each. */
	uint32_t sums[MAX_ROWS];
	/* Blocks that die before allocation t: a list from first[t] on. */
	uint32_t first[AT_END + 1], next[TRACE_BLOCKS];
	/* Slots that are free again: a stack. */
	uint32_t unused[TRACE_BLOCKS], nunused, nslots;
	uint32_t slot_of[TRACE_BLOCKS];
};

struct jvm {
	const struct bench *b;
	struct bench_team *team;
	struct trace *traces; /* one per thread */
};

static void
sum_rows(struct draft *d, const struct table *table)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < table->nrows; i++) {
		sum += table->rows[i].count;
		d->sums[i] = sum;
	}
}

static const struct jvm_size *
draw_size(struct draft *d, const struct table *table)
{
	size_t low = 0, high = table->nrows - 1;
	uint32_t at = bench_random_below(&d->random, d->sums[high]);

	/* The first row whose sum is above `at`. */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (d->sums[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return &table->rows[low];
}

/* Uniform within a bucket of [4^k, 4^(k+1)). */
static uint32_t
draw_lifetime(struct draft *d, const struct jvm_size *size)
{
	uint32_t at = bench_random_below(&d->random, size->count);
	uint32_t k = 0, shortest;

	while (at >= size->lifetimes[k])
		at -= size->lifetimes[k++];
	if (k == NLIFETIMES - 1)
		return AT_END;
	shortest = 1U << (2 * k);
	return shortest + bench_random_below(&d->random, 3 * shortest);
}

static uint32_t
take_slot(struct draft *d)
{
	if (d->nunused > 0)
		return d->unused[--d->nunused];
	return d->nslots++;
}

static void
add_event(struct trace *trace, uint32_t slot, uint32_t bytes)
{
	trace->events[trace->nevents++] = (struct event){ slot, bytes };
}

/* Lists hold a block's number plus one: 0 ends them. */
static void
add_deaths(struct draft *d, struct trace *trace, uint32_t t)
{
	for (uint32_t i = d->first[t]; i != 0; i = d->next[i - 1]) {
		add_event(trace, d->slot_of[i - 1], 0);
		d->unused[d->nunused++] = d->slot_of[i - 1];
	}
}

static void
add_birth(struct draft *d, struct trace *trace, const struct table *table,
	  uint32_t t)
{
	const struct jvm_size *size = draw_size(d, table);
	uint32_t lifetime = draw_lifetime(d, size);
	uint32_t death = lifetime < AT_END - t ? t + lifetime : AT_END;

	d->slot_of[t] = take_slot(d);
	d->next[t] = d->first[death];
	d->first[death] = t + 1;
	add_event(trace, d->slot_of[t], size->bytes);
}

static void
draw_trace(struct trace *trace, const struct table *table, unsigned int seed)
{
	struct draft *d = bench_map(sizeof(*d));

	d->random = bench_random_init(seed);
	sum_rows(d, table);
	for (uint32_t t = 0; t < TRACE_BLOCKS; t++) {
		add_deaths(d, trace, t);
		add_birth(d, trace, table, t);
	}
	add_deaths(d, trace, AT_END);
	bench_unmap(d, sizeof(*d));
}

static void
replay(struct trace *trace)
{
	for (uint32_t i = 0; i < trace->nevents; i++) {
		struct event event = trace->events[i];

		if (event.bytes == 0) {
			free(trace->slots[event.slot]);
			continue;
		}
		trace->slots[event.slot] = malloc(event.bytes);
		bench_touch(trace->slots[event.slot], event.bytes);
	}
}

static void
jvm_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct jvm *jvm = arg;
	uint64_t done = 0;

	do {
		replay(&jvm->traces[index]);
		done += TRACE_BLOCKS;
	} while (done < iterations);
}

static void *
jvm_setup(const struct bench *b)
{
	struct jvm *jvm = bench_map(sizeof(*jvm));

	jvm->b = b;
	jvm->traces = bench_map(b->nthreads * sizeof(*jvm->traces));
	for (unsigned int i = 0; i < b->nthreads; i++)
		draw_trace(&jvm->traces[i], &tables[b->size], i);
	jvm->team = bench_team_start(b->nthreads, jvm_work, jvm);
	return jvm;
}

static void
jvm_run(void *state, uint64_t iterations)
{
	struct jvm *jvm = state;

	bench_team_run(jvm->team, iterations);
}

static void
jvm_teardown(void *state)
{
	struct jvm *jvm = state;

	bench_team_stop(jvm->team);
	bench_unmap(jvm->traces, jvm->b->nthreads * sizeof(*jvm->traces));
	bench_unmap(jvm, sizeof(*jvm));
}

/* `size` is the index of the table. */
#define JVM(name_, table_, clock_, nthreads_, iterations_)                 \
	{                                                                  \
		.name = name_, .clock = clock_, .iterations = iterations_, \
		.size = table_, .nthreads = nthreads_, .setup = jvm_setup, \
		.run = jvm_run, .teardown = jvm_teardown                   \
	}

static const struct bench jvms[] = {
	JVM("jvm/nmt_off", 0, BENCH_CPU, 1, 3 * TRACE_BLOCKS),
	JVM("jvm/nmt_summary", 1, BENCH_CPU, 1, 3 * TRACE_BLOCKS),
	JVM("jvm/nmt_off_x4", 0, BENCH_WALL, 4, 4 * TRACE_BLOCKS),
};

BENCH_REGISTER(jvms);
