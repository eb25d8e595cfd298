/*
 * books_names.c -- see books.h.
 */
#include "books.h"
#include "fuzz.h"
#include "names.h"

static size_t
figure(const char *name)
{
	size_t value = 0, len = sizeof value;

	must(mallctl(name, &value, &len, NULL, 0) == 0);
	return value;
}

static void
renew(void)
{
	uint64_t epoch = 1;

	must(mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0);
}

/* Another thread, libFuzzer's, may be about something else now and then: the
 * figures are of one moment. */
size_t
books_allocated(void)
{
	size_t allocated;

	renew();
	allocated = figure("trimalloc.stats.allocated");
	must(figure("stats.allocated") == allocated);
	must(figure("trimalloc.stats.active") ==
	     allocated + figure("trimalloc.stats.cached") +
		     figure("trimalloc.stats.shelved") +
		     figure("trimalloc.stats.slab_free") +
		     figure("trimalloc.stats.slab_away"));
	must(figure("stats.mapped") >= figure("stats.active"));
	return allocated;
}

bool
books_fault(unsigned kind, unsigned nth, bool for_good)
{
	(void)kind, (void)nth, (void)for_good;
	return false;
}

void
books_end_faults(void)
{
}
