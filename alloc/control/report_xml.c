/*
 * report_xml.c -- a snapshot as glibc's malloc_info writes it, and more.
 *
 * The document of version 1: a heap for each arena with the sizes of its free
 * blocks and its sums, then the totals that its readers look for, then our own
 * elements.
 */
#include "report.h"

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

/* Bytes, but for the number of free blocks. */
struct heap_sums {
	size_t nfree, free, current, mapped;
};

/* What glibc prints for each heap, and again for the process. */
static void
xml_sums(struct text *t, const struct heap_sums *h)
{
	xml_total(t, "fast", 0, 0);
	xml_total(t, "rest", h->nfree, h->free);
	xml_total(t, "mmap", 0, 0);
	xml_size(t, "system", "current", h->current);
	xml_size(t, "system", "max", h->mapped);
	xml_size(t, "aspace", "total", h->mapped);
	xml_size(t, "aspace", "mprotect", h->mapped);
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

static size_t
free_blocks(const struct class_stats *classes)
{
	size_t n = 0;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		n += classes[cls].nfree + classes[cls].ncached +
		     classes[cls].nquarantined;
	return n;
}

static void
xml_heap(struct text *t, const struct arena_stats *a)
{
	struct heap_sums sums = {
		.nfree = free_blocks(a->classes),
		.free = a->slab_free + a->cached + a->quarantined + a->shelved +
			a->dirty,
		.current = a->active - a->slab_away + a->dirty,
		.mapped = a->mapped,
	};

	text_str(t, "<heap nr=\"");
	text_uint(t, a->index);
	text_str(t, "\">\n<sizes>\n");
	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		xml_class(t, cls, &a->classes[cls]);
	text_str(t, "</sizes>\n");
	xml_sums(t, &sums);
	text_str(t, "</heap>\n");
}

static void
xml_process(struct text *t, const struct stats *s)
{
	struct heap_sums sums = {
		.nfree = free_blocks(s->classes),
		.free = s->slab_free + s->cached + s->quarantined + s->shelved +
			s->dirty,
		.current = s->active - s->slab_away + s->dirty,
		.mapped = s->mapped,
	};

	xml_sums(t, &sums);
}

/* --- our own elements ------------------------------------------------------------ */

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

static void
xml_unaccounted(struct text *t, int64_t bytes)
{
	text_str(t, "<unaccounted>");
	text_int(t, bytes);
	text_str(t, "</unaccounted>\n");
}

static void
xml_bill(struct text *t, const struct stats *s)
{
	xml_own(t, "allocated", s->allocated);
	xml_own(t, "cached", s->cached);
	xml_own(t, "quarantined", s->quarantined);
	xml_own(t, "shelved", s->shelved);
	xml_own(t, "slab_free", s->slab_free);
	xml_own(t, "slab_away", s->slab_away);
	xml_own(t, "active", s->active);
	xml_own(t, "dirty", s->dirty);
	xml_own(t, "mapped", s->mapped);
	xml_own(t, "metadata", s->metadata);
	if (!s->has_residence)
		return;
	xml_own(t, "resident", s->residence.resident);
	xml_own(t, "huge", s->residence.huge);
	xml_own(t, "untouched", s->untouched);
	xml_unaccounted(t, s->unaccounted);
	xml_own(t, "metadata_resident", s->metadata_resident);
}

static void
xml_reclaim(struct text *t, const struct stats *s)
{
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
}

void
report_xml(struct text *t, const struct snapshot *snap)
{
	const struct stats *s = &snap->sum;

	text_str(t, "<malloc version=\"1\">\n");
	for (unsigned i = 0; i < snap->narenas; i++)
		xml_heap(t, &snap->arenas[i]);
	xml_process(t, s);
	text_str(t, "<trimalloc>\n");
	xml_bill(t, s);
	xml_own(t, "arenas", s->narenas);
	xml_own(t, "threads", s->nthreads);
	xml_own(t, "lock_waits", s->nlock_waits);
	xml_own(t, "minor_faults", snap->nminor_faults);
	xml_own(t, "major_faults", snap->nmajor_faults);
	xml_own(t, "uptime_ms", snap->uptime_ms);
	xml_reclaim(t, s);
	text_str(t, "</trimalloc>\n</malloc>\n");
}
