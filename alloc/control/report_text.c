/*
 * report_text.c -- a snapshot for people: the bill first, then who has what.
 */
#include "../base/options.h"
#include "report.h"

#define US_PER_MS UINT64_C(1000)
#define MS_PER_S  UINT64_C(1000)

/* --- lines -------------------------------------------------------------------- */

#define NAME_WIDTH  24u
#define VALUE_WIDTH 16u

static void
pad_to(struct text *t, size_t start, size_t width)
{
	while (t->len - start < width && t->len < t->cap)
		text_str(t, " ");
}

static void
line_begin(struct text *t, const char *name, uint64_t value, const char *unit)
{
	size_t start = t->len;

	text_str(t, name);
	pad_to(t, start, NAME_WIDTH);
	text_uint_padded(t, value, VALUE_WIDTH);
	text_str(t, unit);
}

static void
line(struct text *t, const char *name, uint64_t value, const char *unit)
{
	line_begin(t, name, value, unit);
	text_str(t, "\n");
}

/* "  12.3 %", of a whole that may be 0. */
static void
percent(struct text *t, uint64_t part, uint64_t whole)
{
	uint64_t tenths = 0;

	if (whole > 0)
		tenths = (uint64_t)((double)part * 1000 / (double)whole + 0.5);
	text_uint_padded(t, tenths / 10, 5);
	text_str(t, ".");
	text_uint(t, tenths % 10);
	text_str(t, " %");
}

static void
text_seconds(struct text *t, uint64_t ms)
{
	text_uint(t, ms / MS_PER_S);
	text_str(t, ".");
	text_uint(t, ms / 100 % 10);
	text_str(t, " s");
}

/* --- the bill ------------------------------------------------------------------ */

/* A line of the bill: its sign and its part of what is resident. */
static void
share(struct text *t, const char *name, size_t bytes, const struct stats *s)
{
	line_begin(t, name, bytes, " bytes");
	if (s->has_residence)
		percent(t, bytes, s->residence.resident);
	text_str(t, "\n");
}

/* It may be negative. */
static void
text_unaccounted(struct text *t, const struct stats *s)
{
	uint64_t size = s->unaccounted < 0 ? 0 - (uint64_t)s->unaccounted
					   : (uint64_t)s->unaccounted;
	bool is_negative = s->unaccounted < 0;

	share(t, is_negative ? "unaccounted, less" : "unaccounted", size, s);
}

/* resident = the six first lines - untouched + unaccounted. */
static void
text_bill(struct text *t, const struct stats *s)
{
	share(t, "allocated", s->allocated, s);
	share(t, "cached in threads", s->cached, s);
	share(t, "in quarantine", s->quarantined, s);
	share(t, "on shelves", s->shelved, s);
	share(t, "free in slabs", s->slab_free, s);
	share(t, "dirty", s->dirty, s);
	if (!s->has_residence)
		return;
	share(t, "less untouched", s->untouched, s);
	text_unaccounted(t, s);
	share(t, "resident", s->residence.resident, s);
	line(t, "  in huge pages", s->residence.huge, " bytes");
	line(t, "records, resident", s->metadata_resident, " bytes");
}

static void
text_sums(struct text *t, const struct snapshot *snap)
{
	const struct stats *s = &snap->sum;

	line(t, "given back in slabs", s->slab_away, " bytes");
	line(t, "active", s->active, " bytes");
	line(t, "mapped", s->mapped, " bytes");
	line(t, "metadata", s->metadata, " bytes");
	line(t, "large blocks", s->nlarge, "");
	line(t, "large bytes", s->large, " bytes");
	line(t, "arenas", s->narenas, "");
	line(t, "free chunks", snap->npooled, "");
	line(t, "threads with a cache", s->nthreads, "");
	line(t, "lock waits", s->nlock_waits, "");
	line(t, "page faults", snap->nminor_faults, "");
	line(t, "  from disk", snap->nmajor_faults, "");
}

/* --- what goes back -------------------------------------------------------------- */

static void
text_purges(struct text *t, const char *name, const struct purge_stats *p)
{
	line(t, name, p->npages * PAGE_BYTES, " bytes");
	line(t, "  calls", p->ncalls, "");
	line(t, "  refused", p->nfailed, "");
	line(t, "  time", p->ns / NS_PER_US, " us");
}

/* "pressure: 3 times, the last 12.0 s ago for 2.3 s at ..." */
static void
text_pressure(struct text *t, const struct pressure *p, uint64_t now_ns)
{
	const uint64_t ms = NS_PER_US * US_PER_MS;
	bool is_on = p->level != PRESSURE_NONE;

	text_str(t, "pressure: ");
	text_uint(t, p->nevents);
	text_str(t, " times");
	if (p->nevents > 0) {
		text_str(t, ", the last ");
		text_seconds(t, ns_since(p->begun_ns, now_ns) / ms);
		text_str(t, is_on ? " ago and not over, at " : " ago for ");
		if (!is_on) {
			text_seconds(t,
				     ns_since(p->begun_ns, p->ended_ns) / ms);
			text_str(t, ", at ");
		}
		text_uint(t, p->usage / MIB);
		text_str(t, " of ");
		text_uint(t, p->limit / MIB);
		text_str(t, " MiB, gave ");
		text_uint(t, p->given_last / KIB);
		text_str(t, " KiB");
	}
	text_str(t, "; in all gave ");
	text_uint(t, p->given / KIB);
	text_str(t, " KiB\n");
}

static void
text_reclaim(struct text *t, const struct stats *s)
{
	line(t, "trim thread", s->has_trim_thread, "");
	line(t, "  its CPU time", s->trim_cpu_ns / NS_PER_US, " us");
	line(t, "ticks", s->reclaim.nticks, "");
	line(t, "trims by request", s->reclaim.nforced, "");
	line(t, "caches drained", s->reclaim.ndrains, "");
	line(t, "  time", s->reclaim.drain_ns / NS_PER_US, " us");
	text_purges(t, "purged", &s->purge);
	line(t, "  chunks decommitted", s->purge.ndecommitted, "");
	text_purges(t, "purged in slabs", &s->reclaim.slabs);
	line(t, "refaults", s->nrefaults, "");
	line(t, "demand window", s->reclaim.window, " ticks");
	text_pressure(t, &s->reclaim.pressure, s->now_ns);
}

/* Nothing where there is no pool. */
static void
text_guarded(struct text *t, const struct guard_stats *g)
{
	if (g->nslots == 0)
		return;
	line(t, "guarded slots", g->nslots, "");
	line(t, "  live", g->nlive, "");
	line(t, "  freed", g->nfreed, "");
	line(t, "  bytes", g->bytes, " bytes");
	line(t, "guarded blocks, so far", g->nsampled, "");
	line(t, "  no slot was free", g->nfull, "");
	line(t, "  the kernel refused", g->nrefused, "");
	line(t, "  errors found", g->nerrors, "");
}

static void
text_options(struct text *t)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	text_str(t, "options: ");
	for (size_t i = 0; i < n; i++) {
		text_str(t, i == 0 ? "" : ",");
		text_str(t, rows[i].name);
		text_str(t, ":");
		text_option(t, &rows[i]);
	}
	text_str(t, "\n");
}

/* --- tables ----------------------------------------------------------------------- */

static void
text_class(struct text *t, unsigned cls, const struct class_stats *c)
{
	if (c->nslabs + c->nlive + c->ncached == 0)
		return;
	text_uint_padded(t, class_size(cls), 9);
	text_uint_padded(t, c->nslabs, 9);
	text_uint_padded(t, c->nlive, 11);
	text_uint_padded(t, c->ncached, 9);
	text_uint_padded(t, c->nfree, 9);
	percent(t, c->nlive, c->nlive + c->ncached + c->nfree);
	text_uint_padded(t, class_slack(cls, c), 11);
	text_uint_padded(t, c->nfills, 9);
	text_uint_padded(t, c->nflushes, 9);
	text_uint_padded(t, c->nrefaults, 9);
	text_uint_padded(t, c->nlock_waits, 9);
	text_str(t, "\n");
}

/* The heads of the columns stand in one line with their numbers' ends. */
static void
text_classes(struct text *t, const struct stats *s)
{
	text_str(t, "\n     size    slabs       live   cached     free"
		    "     live      slack    fills  flushes refaults    waits"
		    "\n");
	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		text_class(t, cls, &s->classes[cls]);
}

static void
text_large(struct text *t, const struct snapshot *s)
{
	text_str(t, "\nblocks of up to      number            bytes\n");
	for (unsigned i = 0; i < LARGE_POWERS; i++) {
		if (s->large[i].nblocks == 0)
			continue;
		text_uint_padded(t, (uint64_t)1 << i, 15);
		text_uint_padded(t, s->large[i].nblocks, 12);
		text_uint_padded(t, s->large[i].bytes, 17);
		text_str(t, "\n");
	}
}

static void
text_arena(struct text *t, const struct arena_stats *a)
{
	text_uint_padded(t, a->index, 5);
	text_uint_padded(t, a->nthreads, 9);
	text_uint_padded(t, a->allocated, 15);
	text_uint_padded(t, a->cached, 13);
	text_uint_padded(t, a->shelved, 13);
	text_uint_padded(t, a->slab_free, 13);
	text_uint_padded(t, a->dirty, 13);
	text_uint_padded(t, a->mapped, 15);
	text_uint_padded(t, a->nlock_waits, 9);
	text_str(t, "\n");
}

static void
text_arenas(struct text *t, const struct snapshot *s)
{
	text_str(t, "\narena  threads      allocated       cached      shelved"
		    "    slab free        dirty         mapped    waits\n");
	for (unsigned i = 0; i < s->narenas; i++)
		text_arena(t, &s->arenas[i]);
}

/* --- threads ------------------------------------------------------------------------ */

/* Those that hold the most; the others are summed up. */
#define THREADS_SHOWN 50u

struct most {
	const struct thread_stats *threads[THREADS_SHOWN];
	size_t n;
};

/* Keeps the largest, in order; the last one falls off the end. */
static void
most_add(struct most *m, const struct thread_stats *one)
{
	size_t at = m->n;

	if (m->n == THREADS_SHOWN) {
		if (m->threads[--at]->cached >= one->cached)
			return;
	} else {
		m->n++;
	}
	for (; at > 0 && m->threads[at - 1]->cached < one->cached; at--)
		m->threads[at] = m->threads[at - 1];
	m->threads[at] = one;
}

static void
text_name(struct text *t, const char *name)
{
	for (; *name != '\0'; name++)
		text_mem(t, *name >= ' ' && *name != 0x7f ? name : "?", 1);
}

static void
text_thread(struct text *t, const struct thread_stats *one)
{
	char name[THREAD_NAME_BYTES];
	size_t start = t->len;

	thread_name(one->tid, name);
	text_name(t, name);
	pad_to(t, start, 16);
	text_uint_padded(t, (uint64_t)one->tid, 9);
	text_uint_padded(t, one->arena, 6);
	text_uint_padded(t, one->cached, 11);
	text_uint_padded(t, one->nfills, 9);
	text_uint_padded(t, one->nflushes, 9);
	text_uint_padded(t, one->ndrains, 7);
	if (one->is_parked) {
		text_str(t, "  idle ");
		text_seconds(t, one->idle_ms);
	}
	text_str(t, "\n");
}

static void
text_threads(struct text *t, const struct snapshot *s)
{
	struct most m = { .n = 0 };
	size_t rest = 0;

	for (size_t i = 0; i < s->nthreads; i++) {
		most_add(&m, &s->threads[i]);
		rest += s->threads[i].cached;
	}
	text_str(t, "\nthread                tid arena     cached    fills"
		    "  flushes drains\n");
	for (size_t i = 0; i < m.n; i++) {
		text_thread(t, m.threads[i]);
		rest -= m.threads[i]->cached;
	}
	if (s->nthreads == m.n)
		return;
	text_str(t, "and ");
	text_uint(t, s->nthreads - m.n);
	text_str(t, " more with ");
	text_uint(t, rest);
	text_str(t, " bytes\n");
}

void
report_text(struct text *t, const struct snapshot *s)
{
	text_str(t, "trimalloc " TRI_VERSION " statistics, process ");
	text_uint(t, (uint64_t)s->pid);
	text_str(t, ", up ");
	text_seconds(t, s->uptime_ms);
	text_str(t, "\n");
	text_bill(t, &s->sum);
	text_sums(t, s);
	text_reclaim(t, &s->sum);
	text_guarded(t, &s->sum.guarded);
	text_options(t);
	text_classes(t, &s->sum);
	text_large(t, s);
	text_arenas(t, s);
	text_threads(t, s);
}
