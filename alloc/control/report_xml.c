/*
 * report_xml.c -- a snapshot as glibc's malloc_info writes it, and more.
 *
 * The document of version 1: a heap for each arena with the sizes of its free
 * blocks and its sums, then the totals that its readers look for, then our own
 * elements.
 */
#include "report.h"

#define NS_PER_US UINT64_C(1000)

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
