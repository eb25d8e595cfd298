/*
 * report_json.c -- a snapshot for programs.
 *
 * Integers are bytes, counts, or what their suffix says. `format` changes when
 * a member goes or changes its meaning, not when one comes.
 */
#include <string.h>

#include "../base/json.h"
#include "../base/options.h"
#include "../os/file.h"
#include "report.h"

#define FORMAT 1

static void
json_bytes(struct json *j, const struct stats *s)
{
	json_object(j, "bytes");
	json_uint(j, "allocated", s->allocated);
	json_uint(j, "cached", s->cached);
	json_uint(j, "quarantined", s->quarantined);
	json_uint(j, "shelved", s->shelved);
	json_uint(j, "slab_free", s->slab_free);
	json_uint(j, "slab_away", s->slab_away);
	json_uint(j, "active", s->active);
	json_uint(j, "dirty", s->dirty);
	json_uint(j, "mapped", s->mapped);
	json_uint(j, "metadata", s->metadata);
	json_uint(j, "large", s->large);
	if (s->has_residence) {
		json_uint(j, "resident", s->residence.resident);
		json_uint(j, "huge", s->residence.huge);
		json_uint(j, "untouched", s->untouched);
		json_int(j, "unaccounted", s->unaccounted);
		json_uint(j, "metadata_resident", s->metadata_resident);
	}
	json_end(j);
}

static void
json_counts(struct json *j, const struct snapshot *snap)
{
	const struct stats *s = &snap->sum;

	json_object(j, "counts");
	json_uint(j, "threads", s->nthreads);
	json_uint(j, "arenas", s->narenas);
	json_uint(j, "large_blocks", s->nlarge);
	json_uint(j, "cached_blocks", s->cached_blocks);
	json_uint(j, "quarantined_blocks", s->quarantined_blocks);
	json_uint(j, "slab_free_blocks", s->slab_free_blocks);
	json_uint(j, "free_chunks", snap->npooled);
	json_uint(j, "refaults", s->nrefaults);
	json_uint(j, "lock_waits", s->nlock_waits);
	json_uint(j, "minor_faults", snap->nminor_faults);
	json_uint(j, "major_faults", snap->nmajor_faults);
	json_end(j);
}

static void
json_purge(struct json *j, const char *key, const struct purge_stats *p)
{
	json_object(j, key);
	json_uint(j, "purges", p->ncalls);
	json_uint(j, "pages", p->npages);
	json_uint(j, "refused", p->nfailed);
	json_uint(j, "us", p->ns / NS_PER_US);
	json_uint(j, "decommitted", p->ndecommitted);
	json_end(j);
}

static void
json_reclaim(struct json *j, const struct stats *s)
{
	const struct reclaim_stats *r = &s->reclaim;

	json_object(j, "reclaim");
	json_bool(j, "has_thread", s->has_trim_thread);
	json_uint(j, "cpu_us", s->trim_cpu_ns / NS_PER_US);
	json_uint(j, "ticks", r->nticks);
	json_uint(j, "trims", r->nforced);
	json_uint(j, "drains", r->ndrains);
	json_uint(j, "drain_us", r->drain_ns / NS_PER_US);
	json_uint(j, "window_ticks", r->window);
	json_purge(j, "runs", &s->purge);
	json_purge(j, "slabs", &r->slabs);
	json_end(j);
}

static void
json_guarded(struct json *j, const struct guard_stats *g)
{
	json_object(j, "guarded");
	json_uint(j, "slots", g->nslots);
	json_uint(j, "live", g->nlive);
	json_uint(j, "freed", g->nfreed);
	json_uint(j, "bytes", g->bytes);
	json_uint(j, "sampled", g->nsampled);
	json_uint(j, "full", g->nfull);
	json_uint(j, "refused", g->nrefused);
	json_uint(j, "errors", g->nerrors);
	json_end(j);
}

static const char *
level_name(enum pressure_level level)
{
	switch (level) {
	case PRESSURE_CRITICAL:
		return "critical";
	case PRESSURE_HIGH:
		return "high";
	default:
		return "none";
	}
}

static void
json_pressure(struct json *j, const struct stats *s)
{
	const struct pressure *p = &s->reclaim.pressure;
	uint64_t total_ns = p->total_ns;

	if (p->level != PRESSURE_NONE)
		total_ns += ns_since(p->begun_ns, s->now_ns);
	json_object(j, "pressure");
	json_string(j, "level", level_name(p->level));
	json_uint(j, "events", p->nevents);
	json_uint(j, "stalls", p->nstalls);
	json_uint(j, "given", p->given);
	json_uint(j, "last_given", p->given_last);
	json_uint(j, "usage", p->usage);
	json_uint(j, "limit", p->limit);
	json_uint(j, "total_ms", total_ns / NS_PER_MS);
	json_end(j);
}

static void
json_option(struct json *j, const struct option_row *row)
{
	char buf[OPTION_TEXT_BYTES + 32];
	struct text t;

	switch (row->kind) {
	case OPTION_BOOLEAN:
		json_bool(j, row->name, options_get(row) != 0);
		return;
	case OPTION_COUNT:
	case OPTION_PERIOD:
		json_int(j, row->name, options_get(row));
		return;
	default:
		text_init(&t, buf, sizeof buf - 1);
		text_option(&t, row);
		buf[t.len] = '\0';
		json_string(j, row->name, buf);
	}
}

static void
json_options(struct json *j)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	json_object(j, "options");
	for (size_t i = 0; i < n; i++)
		json_option(j, &rows[i]);
	json_end(j);
}

/* One that was never used is left out. */
static void
json_class(struct json *j, unsigned cls, const struct class_stats *c)
{
	size_t nslots = c->nslabs * class_nslots(cls);

	if (c->nslabs + c->nlive + c->ncached + c->nquarantined == 0 &&
	    c->nfills == 0)
		return;
	json_object(j, NULL);
	json_uint(j, "size", class_size(cls));
	json_uint(j, "slabs", c->nslabs);
	json_uint(j, "slots", nslots);
	json_uint(j, "live", c->nlive);
	json_uint(j, "cached", c->ncached);
	json_uint(j, "quarantined", c->nquarantined);
	json_uint(j, "free", c->nfree);
	json_uint(j, "slack", class_slack(cls, c));
	json_uint(j, "away_pages", c->naway);
	json_uint(j, "fills", c->nfills);
	json_uint(j, "flushes", c->nflushes);
	json_uint(j, "filled", c->nfilled);
	json_uint(j, "flushed", c->nflushed);
	json_uint(j, "refaults", c->nrefaults);
	json_uint(j, "lock_waits", c->nlock_waits);
	json_end(j);
}

static void
json_classes(struct json *j, const struct class_stats *classes)
{
	json_array(j, "classes");
	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		json_class(j, cls, &classes[cls]);
	json_end(j);
}

static void
json_arena(struct json *j, const struct arena_stats *a)
{
	json_object(j, NULL);
	json_uint(j, "index", a->index);
	json_uint(j, "threads", a->nthreads);
	json_uint(j, "allocated", a->allocated);
	json_uint(j, "cached", a->cached);
	json_uint(j, "quarantined", a->quarantined);
	json_uint(j, "shelved", a->shelved);
	json_uint(j, "slab_free", a->slab_free);
	json_uint(j, "slab_away", a->slab_away);
	json_uint(j, "active", a->active);
	json_uint(j, "dirty", a->dirty);
	json_uint(j, "clean", a->clean);
	json_uint(j, "mapped", a->mapped);
	json_uint(j, "large_blocks", a->nlarge);
	json_uint(j, "large_bytes", a->large_bytes);
	json_uint(j, "refaults", a->nrefaults);
	json_uint(j, "lock_waits", a->nlock_waits);
	json_purge(j, "runs", &a->purge);
	json_classes(j, a->classes);
	json_end(j);
}

static void
json_arenas(struct json *j, const struct snapshot *s)
{
	json_array(j, "arenas");
	for (unsigned i = 0; i < s->narenas; i++)
		json_arena(j, &s->arenas[i]);
	json_end(j);
}

static void
json_large(struct json *j, const struct snapshot *s)
{
	json_array(j, "large");
	for (unsigned i = 0; i < LARGE_POWERS; i++) {
		if (s->large[i].nblocks == 0)
			continue;
		json_object(j, NULL);
		json_uint(j, "up_to", UINT64_C(1) << i);
		json_uint(j, "blocks", s->large[i].nblocks);
		json_uint(j, "bytes", s->large[i].bytes);
		json_end(j);
	}
	json_end(j);
}

static void
json_thread(struct json *j, const struct thread_stats *t)
{
	char name[THREAD_NAME_BYTES];

	thread_name(t->tid, name);
	json_object(j, NULL);
	json_uint(j, "tid", (uint64_t)t->tid);
	json_string(j, "name", name);
	json_uint(j, "arena", t->arena);
	json_uint(j, "cached", t->cached);
	json_uint(j, "idle_ms", t->idle_ms);
	json_uint(j, "fills", t->nfills);
	json_uint(j, "flushes", t->nflushes);
	json_uint(j, "drains", t->ndrains);
	json_bool(j, "parked", t->is_parked);
	json_end(j);
}

static void
json_threads(struct json *j, const struct snapshot *s)
{
	json_array(j, "threads");
	for (size_t i = 0; i < s->nthreads; i++)
		json_thread(j, &s->threads[i]);
	json_end(j);
}

void
report_json(struct text *t, const struct snapshot *s)
{
	struct json j;

	json_init(&j, t);
	json_object(&j, NULL);
	json_string(&j, "version", TRI_VERSION);
	json_uint(&j, "format", FORMAT);
	json_uint(&j, "pid", (uint64_t)s->pid);
	json_uint(&j, "uptime_ms", s->uptime_ms);
	json_uint(&j, "time_ms", s->time_ms);
	json_bytes(&j, &s->sum);
	json_counts(&j, s);
	json_reclaim(&j, &s->sum);
	json_pressure(&j, &s->sum);
	json_guarded(&j, &s->sum.guarded);
	json_options(&j);
	json_arenas(&j, s);
	json_classes(&j, s->sum.classes);
	json_large(&j, s);
	json_threads(&j, s);
	json_end(&j);
}
