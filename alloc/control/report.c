/*
 * report.c -- see report.h.
 */
#include "../os/os.h"
#include "report.h"

#define NS_PER_US UINT64_C(1000)

static void
line(struct text *t, const char *name, uint64_t value, const char *unit)
{
	size_t start = t->len;

	text_str(t, name);
	while (t->len - start < 24 && t->len < t->cap)
		text_str(t, " ");
	text_uint_padded(t, value, 16);
	text_str(t, unit);
	text_str(t, "\n");
}

static void
text_class(struct text *t, unsigned cls, const struct class_stats *c)
{
	if (c->nslabs == 0 && c->ncached == 0)
		return;
	text_uint_padded(t, class_size(cls), 9);
	text_uint_padded(t, c->nslabs, 9);
	text_uint_padded(t, c->nlive, 11);
	text_uint_padded(t, c->ncached, 9);
	text_uint_padded(t, c->nfree, 9);
	text_uint_padded(t, c->nfills, 9);
	text_uint_padded(t, c->nflushes, 9);
	text_str(t, "\n");
}

/* What the kernel says of it. */
static void
text_kernel(struct text *t, const struct stats *s)
{
	if (!s->has_residence)
		return;
	line(t, "resident", s->residence.resident, " bytes");
	line(t, "in huge pages", s->residence.huge, " bytes");
}

static void
text_purges(struct text *t, const char *name, const struct purge_stats *p)
{
	line(t, name, p->npages * PAGE_BYTES, " bytes");
	line(t, "  calls", p->ncalls, "");
	line(t, "  refused", p->nfailed, "");
	line(t, "  time", p->ns / NS_PER_US, " us");
}

static void
text_seconds(struct text *t, uint64_t ns)
{
	uint64_t ms = ns / (1000 * NS_PER_US);

	text_uint(t, ms / 1000);
	text_str(t, ".");
	text_uint(t, ms / 100 % 10);
	text_str(t, " s");
}

/* "pressure: 3 times, the last 12.0 s ago for 2.3 s at ..." */
static void
text_pressure(struct text *t, const struct pressure *p, uint64_t now_ns)
{
	bool is_on = p->level != PRESSURE_NONE;

	text_str(t, "pressure: ");
	text_uint(t, p->nevents);
	text_str(t, " times");
	if (p->nevents > 0) {
		text_str(t, ", the last ");
		text_seconds(t, now_ns - p->begun_ns);
		text_str(t, is_on ? " ago and not over, at " : " ago for ");
		if (!is_on) {
			text_seconds(t, p->ended_ns - p->begun_ns);
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

void
report_text(struct text *t, const struct snapshot *snap)
{
	const struct stats *s = &snap->sum;

	text_str(t, "trimalloc statistics\n");
	line(t, "allocated", s->allocated, " bytes");
	line(t, "cached in threads", s->cached, " bytes");
	line(t, "on shelves", s->shelved, " bytes");
	line(t, "free in slabs", s->slab_free, " bytes");
	line(t, "given back in slabs", s->slab_away, " bytes");
	line(t, "active", s->active, " bytes");
	line(t, "dirty", s->dirty, " bytes");
	line(t, "mapped", s->mapped, " bytes");
	line(t, "metadata", s->metadata, " bytes");
	line(t, "large blocks", s->nlarge, "");
	line(t, "large bytes", s->large, " bytes");
	line(t, "arenas", s->narenas, "");
	line(t, "threads with a cache", s->nthreads, "");
	text_kernel(t, s);
	text_reclaim(t, s);
	text_str(t, "     size    slabs       live   cached     free    fills"
		    "  flushes\n");
	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		text_class(t, cls, &s->classes[cls]);
}

static void
xml_total(struct text *t, const char *type, uint64_t count, uint64_t size)
{
	text_str(t, "<total type=\"");
	text_str(t, type);
	text_str(t, "\" count=\"");
	text_uint(t, count);
	text_str(t, "\" size=\"");
	text_uint(t, size);
	text_str(t, "\"/>\n");
}

static void
xml_size(struct text *t, const char *element, const char *type, uint64_t size)
{
	text_str(t, "<");
	text_str(t, element);
	text_str(t, " type=\"");
	text_str(t, type);
	text_str(t, "\" size=\"");
	text_uint(t, size);
	text_str(t, "\"/>\n");
}

/* What glibc prints for each heap, and again for the process. */
static void
xml_sums(struct text *t, const struct stats *s, size_t nfree)
{
	xml_total(t, "fast", 0, 0);
	xml_total(t, "rest", nfree,
		  s->slab_free + s->cached + s->shelved + s->dirty);
	xml_total(t, "mmap", 0, 0);
	xml_size(t, "system", "current", s->active - s->slab_away + s->dirty);
	xml_size(t, "system", "max", s->mapped);
	xml_size(t, "aspace", "total", s->mapped);
	xml_size(t, "aspace", "mprotect", s->mapped);
}

static void
xml_class(struct text *t, unsigned cls, const struct class_stats *c)
{
	if (c->nfree + c->ncached == 0)
		return;
	text_str(t, "<size from=\"");
	text_uint(t, class_size(cls - 1) + 1);
	text_str(t, "\" to=\"");
	text_uint(t, class_size(cls));
	text_str(t, "\" total=\"");
	text_uint(t, (c->nfree + c->ncached) * class_size(cls));
	text_str(t, "\" count=\"");
	text_uint(t, c->nfree + c->ncached);
	text_str(t, "\"/>\n");
}

static void
xml_own(struct text *t, const char *name, uint64_t value)
{
	text_str(t, "<");
	text_str(t, name);
	text_str(t, ">");
	text_uint(t, value);
	text_str(t, "</");
	text_str(t, name);
	text_str(t, ">\n");
}

void
report_xml(struct text *t, const struct snapshot *snap)
{
	const struct stats *s = &snap->sum;
	size_t nfree = 0;

	text_str(t, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		xml_class(t, cls, &s->classes[cls]);
		nfree += s->classes[cls].nfree + s->classes[cls].ncached;
	}
	text_str(t, "</sizes>\n");
	xml_sums(t, s, nfree);
	text_str(t, "</heap>\n");
	xml_sums(t, s, nfree);
	text_str(t, "<trimalloc>\n");
	xml_own(t, "allocated", s->allocated);
	xml_own(t, "cached", s->cached);
	xml_own(t, "shelved", s->shelved);
	xml_own(t, "slab_free", s->slab_free);
	xml_own(t, "slab_away", s->slab_away);
	xml_own(t, "active", s->active);
	xml_own(t, "dirty", s->dirty);
	xml_own(t, "mapped", s->mapped);
	xml_own(t, "metadata", s->metadata);
	xml_own(t, "arenas", s->narenas);
	xml_own(t, "threads", s->nthreads);
	if (s->has_residence) {
		xml_own(t, "resident", s->residence.resident);
		xml_own(t, "huge", s->residence.huge);
	}
	xml_own(t, "ticks", s->reclaim.nticks);
	xml_own(t, "trims", s->reclaim.nforced);
	xml_own(t, "drains", s->reclaim.ndrains);
	xml_own(t, "purged",
		(s->purge.npages + s->reclaim.slabs.npages) * PAGE_BYTES);
	xml_own(t, "purged_in_slabs", s->reclaim.slabs.npages * PAGE_BYTES);
	xml_own(t, "decommitted", s->purge.ndecommitted * CHUNK_BYTES);
	xml_own(t, "refaults", s->nrefaults);
	xml_own(t, "trim_cpu_us", s->trim_cpu_ns / NS_PER_US);
	xml_own(t, "pressure_events", s->reclaim.pressure.nevents);
	xml_own(t, "pressure_gave", s->reclaim.pressure.given);
	text_str(t, "</trimalloc>\n</malloc>\n");
}

/* --- whole reports ---------------------------------------------------------------- */

/* What a report takes for the most part; it is made anew where it is longer. */
#define REPORT_BYTES (128 * KIB)

typedef void report_fn(struct text *t, const struct snapshot *s);

static report_fn *const forms[] = {
	[REPORT_TEXT] = report_text,
	[REPORT_JSON] = NULL,
	[REPORT_XML] = report_xml,
};

/* Into memory of the kernel's, twice as much of it until all is said. */
static bool
write_out(report_fn *form, const struct snapshot *s, struct report *out)
{
	for (out->cap = REPORT_BYTES;; out->cap *= 2) {
		struct text t;

		out->buf = os_map(out->cap);
		if (out->buf == NULL)
			return false;
		text_init(&t, out->buf, out->cap);
		form(&t, s);
		out->len = t.len;
		if (!t.lost)
			return true;
		report_drop(out);
	}
}

bool
report_make(enum report_form form, struct report *out)
{
	struct snapshot *s = forms[form] == NULL ? NULL : snapshot_take();
	bool ok;

	if (s == NULL)
		return false;
	stats_ask_kernel(&s->sum);
	ok = write_out(forms[form], s, out);
	snapshot_free(s);
	return ok;
}

void
report_drop(struct report *r)
{
	os_release(r->buf, r->cap);
}

void
report_write(const struct report *r, int fd)
{
	struct text t = { .buf = r->buf, .cap = r->cap, .len = r->len };

	text_write(&t, fd);
}
