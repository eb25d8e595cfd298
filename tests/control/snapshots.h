/*
 * snapshots.h -- a snapshot whose numbers tell from which field they come.
 *
 * Above   the tests of control/report
 * Lock    none
 * Always  one program includes it once: it defines what it offers
 */
#ifndef TESTS_CONTROL_SNAPSHOTS_H
#define TESTS_CONTROL_SNAPSHOTS_H

#include "cache/floor.h"
#include "control/report.h"

#define ROOM (1 * MIB)

#define NTHREADS 60

static char buf[ROOM + 1];
static struct snapshot snap;
static struct arena_stats parts[2];
static struct thread_stats threads[NTHREADS];

/* The sums, of which the reports tell first. */
#define s snap.sum

MAYBE_UNUSED static void
fill_reclaim(struct reclaim_stats *r)
{
	r->nticks = 1000231;
	r->nforced = 1000249;
	r->ndrains = 1000253;
	r->drain_ns = 1000273999;
	r->slabs = (struct purge_stats){ .npages = 1000289,
					 .ncalls = 1000291,
					 .nfailed = 1000297,
					 .ns = 1000301999 };
	r->window = 4;
}

MAYBE_UNUSED static void
fill_parts(void)
{
	memset(&snap, 0, sizeof snap);
	memset(parts, 0, sizeof parts);
	memset(threads, 0, sizeof threads);
	snap.narenas = COUNT_OF(parts);
	snap.arenas = parts;
	snap.threads = threads;
	snap.pid = 4711;
	snap.uptime_ms = 12345;
	snap.npooled = 1000393;
	snap.nminor_faults = 1000397;
	snap.nmajor_faults = 1000403;
	parts[1] = (struct arena_stats){
		.index = 1,
		.nthreads = 17,
		.allocated = 1000409,
		.cached = 1000423,
		.shelved = 1000427,
		.slab_free = 1000429,
		.dirty = 1000453,
		.mapped = 1000457,
		.nlock_waits = 1000507,
	};
}

/* Numbers that tell from which field they come. */
MAYBE_UNUSED static int
fill_stats(void **state)
{
	(void)state;
	fill_parts();
	s.allocated = 1000003;
	s.cached = 1000033;
	s.shelved = 1000211;
	s.slab_free = 1000037;
	s.active = 1000039;
	s.dirty = 1000081;
	s.mapped = 1000099;
	s.metadata = 1000117;
	s.large = 1000121;
	s.nlarge = 1000133;
	s.narenas = 3;
	s.nthreads = 1000151;
	s.nlock_waits = 1000391;
	s.slab_away = 1000303;
	s.purge = (struct purge_stats){ .npages = 1000159,
					.ncalls = 1000171,
					.nfailed = 1000183,
					.ns = 1000187999,
					.ndecommitted = 1000193 };
	s.nrefaults = 1000199;
	s.trim_cpu_ns = 1000313999;
	s.now_ns = 100000000000;
	fill_reclaim(&s.reclaim);
	s.classes[5].nslabs = 1;
	s.classes[5].nlive = 700;
	s.classes[5].ncached = 70;
	s.classes[5].nfree = 49;
	memcpy(parts[1].classes, s.classes, sizeof s.classes);
	return 0;
}

MAYBE_UNUSED static const char *
text(void)
{
	struct text t;

	text_init(&t, buf, ROOM);
	report_text(&t, &snap);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

MAYBE_UNUSED static const char *
xml(void)
{
	struct text t;

	text_init(&t, buf, ROOM);
	report_xml(&t, &snap);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

MAYBE_UNUSED static const char *
json(void)
{
	struct text t;

	text_init(&t, buf, ROOM);
	report_json(&t, &snap);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

/* The largest numbers there are. */
MAYBE_UNUSED static void
fill_to_the_brim(void)
{
	memset(&s, 0xff, sizeof s);
	s.has_trim_thread = s.has_residence = true;
	s.reclaim.pressure.is_stall = true;
	memset(parts, 0xff, sizeof parts);
	memset(snap.large, 0xff, sizeof snap.large);
}

#endif
