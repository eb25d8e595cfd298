/*
 * ctl_made.c -- mallctl about arenas that the program made: while they are
 * there, and when they have ended; figures without memory.
 */
#include <errno.h>

#include "base/options.h"
#include "cache/floor.h"
#include "control/arenas.h"
#include "control/ctl.h"
#include "faults.h"

static unsigned
make(void)
{
	unsigned index = UINT32_MAX;
	size_t len = sizeof index;

	assert_int_equal(ctl_by_name("arenas.create", &index, &len, NULL, 0),
			 0);
	return index;
}

/* "arena.<index>." and what follows. */
static const char *
of(unsigned index, const char *rest)
{
	static char name[64];

	snprintf(name, sizeof name, "arena.%u.%s", index, rest);
	return name;
}

static int
call(unsigned index, const char *rest)
{
	return ctl_by_name(of(index, rest), NULL, NULL, NULL, 0);
}

static int
set_decay(unsigned index, ssize_t ms)
{
	return ctl_by_name(of(index, "dirty_decay_ms"), NULL, NULL, &ms,
			   sizeof ms);
}

static int
get_decay(unsigned index, ssize_t *ms)
{
	size_t len = sizeof *ms;

	return ctl_by_name(of(index, "dirty_decay_ms"), ms, &len, NULL, 0);
}

/* Frees a run of an arena's, and says how many dirty pages that makes it. */
static size_t
soil(unsigned index)
{
	struct arena *a = arena_find(index);
	bool is_zero;
	void *p;

	assert_non_null(a);
	p = pageheap_alloc(&a->pages, 25, 1, &is_zero);
	assert_non_null(p);
	assert_non_null(pageheap_alloc(&a->pages, 1, 1, &is_zero));
	memset(p, 1, 25 * PAGE_BYTES);
	pageheap_free(p, 25);
	return pageheap_ndirty(&a->pages);
}

static size_t
ndirty(unsigned index)
{
	return pageheap_ndirty(&arena_find(index)->pages);
}

/* --- one that is there ------------------------------------------------------------- */

static void
a_tick_of_one_arena_gives_back_what_was_free_at_the_last(void)
{
	unsigned a, other;

	thread_boot();
	a = make();
	other = make();
	assert_true(soil(a) >= 25);
	assert_true(soil(other) >= 25);
	assert_int_equal(call(a, "decay"), 0);
	assert_int_equal(call(a, "decay"), 0);
	assert_int_equal(ndirty(a), 0);
	assert_true(ndirty(other) >= 25);
}

static void
a_purge_of_one_arena_leaves_the_others(void)
{
	unsigned a, other;

	thread_boot();
	a = make();
	other = make();
	soil(a);
	soil(other);
	assert_int_equal(call(a, "purge"), 0);
	assert_int_equal(ndirty(a), 0);
	assert_true(ndirty(other) >= 25);
	assert_int_equal(call(4096, "purge"), 0);
	assert_int_equal(ndirty(other), 0);
}

static void
a_decay_time_of_one_arena_is_its_own(void)
{
	ssize_t ms = 0;
	unsigned a;

	thread_boot();
	a = make();
	soil(a);
	assert_int_equal(set_decay(a, -1), 0);
	assert_true(ndirty(a) >= 25);
	assert_int_equal(get_decay(a, &ms), 0);
	assert_int_equal(ms, -1);
	assert_int_equal(set_decay(a, 0), 0);
	assert_int_equal(ndirty(a), 0);
	assert_int_equal(option(decay_ms), 1000);
	assert_int_equal(get_decay(0, &ms), 0);
	assert_int_equal(ms, 1000);
	assert_int_equal(set_decay(a, -2), EFAULT);
}

/* A slab that was full and has one block now; its pages are resident. */
static char *
soil_slab(unsigned index)
{
	struct arena *a = arena_find(index);
	unsigned cls = size_class(1024);
	void *blocks[64];
	size_t n = 0;
	char *base;

	while (n < COUNT_OF(blocks))
		n += bin_fill(&a->bins[cls], &a->pages, cls, blocks + n,
			      COUNT_OF(blocks) - n);
	for (size_t i = 0; i < n; i++)
		memset(blocks[i], 1, 1024);
	base = slab_find(blocks[0])->base;
	bin_flush(blocks + 1, n - 1);
	assert_int_equal(resident_pages(base, SLAB_NPAGES), SLAB_NPAGES);
	return base;
}

/* And -1 is never, while the others go by the option. */
static void
a_decay_time_of_0_of_one_arena_is_to_the_next_tick(void)
{
	unsigned at_once, never, other;
	char *slab, *others;

	thread_boot();
	at_once = make();
	never = make();
	other = make();
	assert_int_equal(set_decay(at_once, 0), 0);
	assert_int_equal(set_decay(never, -1), 0);
	slab = soil_slab(at_once);
	others = soil_slab(other);
	soil(at_once);
	soil(never);
	soil(other);
	assert_int_equal(call(4096, "decay"), 0);
	assert_int_equal(ndirty(at_once), 0);
	assert_int_equal(resident_pages(slab, SLAB_NPAGES), 1);
	assert_true(ndirty(other) >= 25);
	assert_int_equal(resident_pages(others, SLAB_NPAGES), SLAB_NPAGES);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(call(4096, "decay"), 0);
	assert_true(ndirty(never) >= 25);
}

/* Its own decay time is what counts, whatever the others' is. */
static void
check_beside(ssize_t of_all, ssize_t own, bool stays, bool others_stay)
{
	unsigned a, other;
	char *slab, *others;

	thread_boot();
	a = make();
	other = make();
	assert_true(options_set("decay_ms", of_all));
	assert_int_equal(set_decay(a, own), 0);
	slab = soil_slab(a);
	others = soil_slab(other);
	soil(a);
	soil(other);
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(call(4096, "decay"), 0);
	assert_int_equal(ndirty(a) > 0, stays);
	assert_int_equal(resident_pages(slab, SLAB_NPAGES),
			 stays ? SLAB_NPAGES : 1);
	assert_int_equal(ndirty(other) > 0, others_stay);
	assert_int_equal(resident_pages(others, SLAB_NPAGES),
			 others_stay ? SLAB_NPAGES : 1);
	/* A purge of all is of all. */
	assert_int_equal(call(4096, "purge"), 0);
	assert_int_equal(ndirty(a) + ndirty(other), 0);
}

static void
an_arena_keeps_its_pages_where_all_others_go_at_once(void)
{
	check_beside(0, -1, true, false);
}

static void
an_arena_gives_its_pages_back_where_all_others_never_do(void)
{
	check_beside(-1, 0, false, true);
}

static void
a_name_has_one_place_and_is_not_nothing(void)
{
	char *to = NULL, buf[32];
	const char *none = NULL, *words = "mine";
	size_t len = sizeof to, less = 4;
	unsigned a;

	thread_boot();
	a = make();
	/* Who has no place for it sees one of ours. */
	assert_int_equal(ctl_by_name(of(a, "name"), &to, &len, &words, len), 0);
	snprintf(buf, sizeof buf, "manual_%u", a);
	assert_string_equal(to, buf);
	assert_int_equal(ctl_by_name(of(a, "name"), &to, &len, NULL, 0), 0);
	assert_string_equal(to, "mine");
	assert_int_equal(ctl_by_name(of(a, "name"), NULL, NULL, &none, len),
			 EINVAL);
	assert_int_equal(ctl_by_name(of(a, "name"), &to, &less, NULL, 0),
			 EINVAL);
	assert_int_equal(ctl_by_name(of(4096, "name"), &to, &len, NULL, 0),
			 EINVAL);
	assert_int_equal(ctl_by_name(of(a, "name"), &to, &len, NULL, 0), 0);
	assert_string_equal(to, "mine");
}

/* --- one that has ended -------------------------------------------------------------- */

static unsigned
ended(void)
{
	unsigned a = make();

	/* So that its number is still one of those that there are. */
	make();
	assert_int_equal(call(a, "destroy"), 0);
	return a;
}

static void
what_is_said_of_an_arena_that_ended_is_said_of_no_other(void)
{
	ssize_t ms = 0;
	unsigned a;

	thread_boot();
	a = ended();
	assert_int_equal(set_decay(a, -1), EFAULT);
	assert_int_equal(get_decay(a, &ms), EFAULT);
	assert_int_equal(option(decay_ms), 1000);
	soil(0);
	assert_int_equal(call(a, "purge"), 0);
	assert_int_equal(call(a, "decay"), 0);
	assert_int_equal(call(a, "decay"), 0);
	assert_true(ndirty(0) >= 25);
}

static void
an_arena_that_ended_has_no_name_no_hooks_and_no_end(void)
{
	void *hooks = NULL;
	char *to = NULL;
	const char *words = "gone";
	size_t len = sizeof to;
	bool is = true;
	unsigned a;

	thread_boot();
	a = ended();
	assert_int_equal(call(a, "destroy"), EFAULT);
	assert_int_equal(call(a, "reset"), EFAULT);
	assert_int_equal(ctl_by_name(of(a, "name"), &to, &len, NULL, 0),
			 EFAULT);
	assert_int_equal(ctl_by_name(of(a, "name"), NULL, NULL, &words, len),
			 EFAULT);
	assert_int_equal(
		ctl_by_name(of(a, "extent_hooks"), &hooks, &len, NULL, 0),
		EFAULT);
	len = sizeof is;
	assert_int_equal(ctl_by_name(of(a, "initialized"), &is, &len, NULL, 0),
			 0);
	assert_false(is);
	assert_int_equal(make(), a);
}

/* --- figures ------------------------------------------------------------------------- */

static int
figure(const char *name)
{
	uint64_t n;
	size_t len = sizeof n;

	return ctl_by_name(name, &n, &len, NULL, 0);
}

static void
without_memory_for_a_snapshot_figures_are_to_be_asked_again(void)
{
	static const char *const names[] = {
		"stats.allocated",
		"stats.arenas.0.pactive",
		"stats.arenas.4096.pactive",
		"stats.arenas.0.bins.0.nmalloc",
		"stats.arenas.4096.lextents.0.curlextents",
		"trimalloc.stats.class.0.live",
	};
	uint64_t epoch = 1;

	thread_boot();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		fault_for_good(OS_CALL_MAP, 1);
		assert_int_equal(figure(names[i]), EAGAIN);
		/* The snapshot is had, and not what is made of it. */
		fault_for_good(OS_CALL_MAP, 2);
		assert_int_equal(figure(names[i]), EAGAIN);
		assert_int_equal(faults_count(OS_CALL_MAP), 2);
		assert_int_equal(
			ctl_by_name("epoch", NULL, NULL, &epoch, sizeof epoch),
			EAGAIN);
	}
	faults_none();
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_int_equal(figure(names[i]), 0);
}

static void
an_arena_is_in_the_statistics_from_the_next_epoch_on(void)
{
	uint64_t epoch = 1;
	char pages[64], bins[64];
	unsigned a;

	thread_boot();
	assert_int_equal(figure("stats.arenas.0.pactive"), 0);
	a = make();
	snprintf(pages, sizeof pages, "stats.arenas.%u.pactive", a);
	snprintf(bins, sizeof bins, "stats.arenas.%u.bins.0.nmalloc", a);
	assert_int_equal(figure(pages), ENOENT);
	assert_int_equal(figure(bins), ENOENT);
	assert_int_equal(ctl_by_name("epoch", NULL, NULL, &epoch, sizeof epoch),
			 0);
	assert_int_equal(figure(pages), 0);
	assert_int_equal(figure(bins), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_tick_of_one_arena_gives_back_what_was_free_at_the_last),
		alone(a_purge_of_one_arena_leaves_the_others),
		alone(a_decay_time_of_one_arena_is_its_own),
		alone(a_decay_time_of_0_of_one_arena_is_to_the_next_tick),
		alone(an_arena_keeps_its_pages_where_all_others_go_at_once),
		alone(an_arena_gives_its_pages_back_where_all_others_never_do),
		alone(a_name_has_one_place_and_is_not_nothing),
		alone(what_is_said_of_an_arena_that_ended_is_said_of_no_other),
		alone(an_arena_that_ended_has_no_name_no_hooks_and_no_end),
		alone(without_memory_for_a_snapshot_figures_are_to_be_asked_again),
		alone(an_arena_is_in_the_statistics_from_the_next_epoch_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
