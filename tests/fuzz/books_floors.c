/*
 * books_floors.c -- see books.h.
 */
#include "books.h"
#include "control/stats.h"
#include "fuzz.h"
#include "os/os.h"

/* What stats.h promises while nobody allocates. */
static void
check_sums(const struct stats *s)
{
	size_t cached = 0, nblocks = 0;

	must(s->active == s->allocated + s->cached + s->shelved + s->slab_free +
				  s->slab_away);
	must(s->mapped >= s->active + s->dirty);
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		const struct class_stats *c = &s->classes[cls];

		cached += c->ncached * class_size(cls);
		nblocks += c->ncached;
		if (class_is_slab(cls))
			must(c->nslabs * class_nslots(cls) ==
			     c->nlive + c->ncached + c->nfree);
	}
	must(s->cached == cached);
	must(s->cached_blocks == nblocks);
}

size_t
books_allocated(void)
{
	static struct stats s;

	stats_take(&s);
	check_sums(&s);
	return s.allocated;
}

bool
books_fault(unsigned kind, unsigned nth, bool for_good)
{
	kind %= OS_NCALLS;
	os_faults.for_good = for_good;
	os_faults.fail_at[kind] = os_faults.count[kind] + 1 + nth;
	return true;
}

void
books_end_faults(void)
{
	os_faults.for_good = false;
	for (unsigned kind = 0; kind < OS_NCALLS; kind++)
		os_faults.fail_at[kind] = 0;
}
