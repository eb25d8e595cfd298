/*
 * histogram.c -- merging histograms and reading quantiles from them.
 *
 * Above   latency.c
 */
#include "histogram.h"

#include <stdio.h>

void
ticks_scale_begin(struct ticks_scale *scale)
{
	scale->ticks = ticks_now();
	scale->ns = now_ns();
}

double
ticks_scale_ns(const struct ticks_scale *scale)
{
	return (double)(now_ns() - scale->ns) /
	       (double)(ticks_now() - scale->ticks);
}

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (uint32_t i = 0; i < HISTOGRAM_NBUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->ncounts += from->ncounts;
	if (from->most > into->most)
		into->most = from->most;
}

/* The largest value that histogram_bucket() puts into a bucket. */
static uint64_t
bucket_last(uint32_t bucket)
{
	uint32_t shift = bucket >> HISTOGRAM_SUB_BITS;
	uint64_t lead = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);

	if (shift == 0)
		return lead;
	lead += 1u << HISTOGRAM_SUB_BITS;
	return ((lead + 1) << (shift - 1)) - 1;
}

uint64_t
histogram_quantile(const struct histogram *histogram, double part)
{
	double wanted = part * (double)histogram->ncounts;
	uint64_t nseen = 0;

	for (uint32_t i = 0; i < HISTOGRAM_NBUCKETS; i++) {
		nseen += histogram->buckets[i];
		if (nseen > 0 && (double)nseen >= wanted)
			return bucket_last(i);
	}
	return 0;
}

static void
report_one(struct mark *mark, const char *name, const char *figure, double ns)
{
	char full[64];

	snprintf(full, sizeof(full), "%s_%s_ns", name, figure);
	mark_number(mark, full, (uint64_t)(ns + 0.5));
}

void
histogram_report(const struct histogram *histogram, struct mark *mark,
		 const char *name, double ns_per_tick)
{
	static const struct {
		const char *name;
		double part;
	} quantiles[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 } };

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		double ticks = (double)histogram_quantile(histogram,
							  quantiles[i].part);

		report_one(mark, name, quantiles[i].name, ticks * ns_per_tick);
	}
	report_one(mark, name, "max", (double)histogram->most * ns_per_tick);
}
