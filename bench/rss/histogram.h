/*
 * histogram.h -- many short times, in buckets that grow with them.
 *
 * Times are counted in ticks: of the processor's time stamp counter where there
 * is one that all its cores share, else nanoseconds.
 *
 * Above   latency.c
 * Always  a bucket is at most 1/32 wider than the times in it are long
 */
#ifndef BENCH_RSS_HISTOGRAM_H
#define BENCH_RSS_HISTOGRAM_H

#include "scenario.h"

#if defined(__x86_64__)
static inline uint64_t
ticks_now(void)
{
	return __builtin_ia32_rdtsc();
}
#else
static inline uint64_t
ticks_now(void)
{
	return now_ns();
}
#endif

/* What a tick is, found out between begin and the other. */
struct ticks_scale {
	uint64_t ticks, ns;
};

void ticks_scale_begin(struct ticks_scale *scale);
double ticks_scale_ns(const struct ticks_scale *scale);

enum {
	HISTOGRAM_SUB_BITS = 5, /* 32 buckets for each doubling */
	HISTOGRAM_NBUCKETS = (64 - HISTOGRAM_SUB_BITS + 1)
			     << HISTOGRAM_SUB_BITS,
};

struct histogram {
	uint64_t ncounts, most;
	uint64_t buckets[HISTOGRAM_NBUCKETS];
};

/*
 *	ticks < 32    a bucket for each
 *	else          the leading one's place, and the 5 bits behind it
 */
static inline uint32_t
histogram_bucket(uint64_t ticks)
{
	uint32_t shift;

	if (ticks >> HISTOGRAM_SUB_BITS == 0)
		return (uint32_t)ticks;
	shift = 63 - (uint32_t)__builtin_clzll(ticks) - HISTOGRAM_SUB_BITS;
	/* (shift + 1) << SUB_BITS, and the bits behind the leading one. */
	return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(ticks >> shift);
}

static inline void
histogram_add(struct histogram *histogram, uint64_t ticks)
{
	histogram->buckets[histogram_bucket(ticks)]++;
	histogram->ncounts++;
	if (ticks > histogram->most)
		histogram->most = ticks;
}

void histogram_merge(struct histogram *into, const struct histogram *from);

/* The time that `part` of all times do not exceed: the end of its bucket. */
uint64_t histogram_quantile(const struct histogram *histogram, double part);

/* Adds NAME_p50_ns, NAME_p99_ns, NAME_p999_ns and NAME_max_ns to a mark. */
void histogram_report(const struct histogram *histogram, struct mark *mark,
		      const char *name, double ns_per_tick);

#endif /* BENCH_RSS_HISTOGRAM_H */
