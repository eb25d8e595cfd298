/*
 * report.c -- see report.h.
 */
#include "report.h"

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

void
report_text(struct text *t, const struct stats *s)
{
	text_str(t, "trimalloc statistics\n");
	line(t, "allocated", s->allocated, " bytes");
	line(t, "cached in threads", s->cached, " bytes");
	line(t, "on shelves", s->shelved, " bytes");
	line(t, "free in slabs", s->slab_free, " bytes");
	line(t, "active", s->active, " bytes");
	line(t, "dirty", s->dirty, " bytes");
	line(t, "mapped", s->mapped, " bytes");
	line(t, "metadata", s->metadata, " bytes");
	line(t, "large blocks", s->nlarge, "");
	line(t, "large bytes", s->large, " bytes");
	line(t, "arenas", s->narenas, "");
	line(t, "threads with a cache", s->nthreads, "");
	line(t, "trim thread", s->has_trim_thread, "");
	line(t, "trim ticks", s->nticks, "");
	line(t, "caches drained", s->ndrains, "");
	line(t, "purges", s->purge.ncalls, "");
	line(t, "purged", s->purge.npages * PAGE_BYTES, " bytes");
	line(t, "purges refused", s->purge.nfailed, "");
	line(t, "time in purges", s->purge.ns / 1000, " us");
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
	xml_size(t, "system", "current", s->active + s->dirty);
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
report_xml(struct text *t, const struct stats *s)
{
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
	xml_own(t, "active", s->active);
	xml_own(t, "dirty", s->dirty);
	xml_own(t, "mapped", s->mapped);
	xml_own(t, "metadata", s->metadata);
	xml_own(t, "arenas", s->narenas);
	xml_own(t, "threads", s->nthreads);
	xml_own(t, "purged", s->purge.npages * PAGE_BYTES);
	text_str(t, "</trimalloc>\n</malloc>\n");
}
