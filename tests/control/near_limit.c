/*
 * near_limit.c -- ticks near a memory limit: all goes back, until it is over.
 */
#include "control/ticks.h"
#include "pages/bell.h"

/* --- pressure ------------------------------------------------------------------------ */

/* A page run that waits for somebody who wants it. */
static void
shelve_one(void *arg)
{
	(void)arg;
	large_free(block_alloc(size_class(65536)));
}

static size_t
active_bytes(void)
{
	static struct stats s;

	stats_take(&s);
	return s.active;
}

static void
under_pressure_everything_goes_at_once(void)
{
	char *p = soil(MUCH), *slab = scatter(8);
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	helper_do(&h, shelve_one, NULL);
	use_mib(900);
	tick();
	assert_int_equal(resident_pages(p, MUCH), 0);
	assert_int_equal(resident_in_slab(slab), 1);
	assert_int_equal(cached_bytes(), 0);
	assert_int_equal(reclaim_ndirty(), 0);
	/* No slab is kept for the next fill, nor a page run for the next. */
	assert_int_equal(active_bytes(), 8 * SLAB_BYTES + PAGE_BYTES);
	helper_end(&h);
}

static void
while_it_lasts_all_goes_at_each_tick_and_ticks_are_short(void)
{
	char *p = soil(MUCH);

	use_mib(950);
	for (unsigned i = 0; i < 20; i++) {
		tick();
		assert_int_equal(resident_pages(p, MUCH), 0);
		assert_int_equal(reclaim_tick_ns(), 50 * NS_PER_MS);
		soil_again(p, MUCH);
	}
	assert_int_equal(stats().pressure.nevents, 1);
}

static void
after_it_is_over_decay_is_as_it_was(void)
{
	char *p = soil(MUCH);

	use_mib(900);
	tick();
	use_mib(100);
	tick();
	assert_int_equal(reclaim_tick_ns(), 250 * NS_PER_MS);
	soil_again(p, MUCH);
	assert_true(tick());
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	tick_times(DECAY_TICKS);
	assert_int_equal(resident_pages(p, MUCH), 0);
}

/* The ones that purged it knew no other way. */
static void
what_went_under_it_and_is_wanted_again_is_not_charged_to_decay(void)
{
	char *p = soil(MUCH);

	tick_times(DECAY_TICKS);
	use_mib(950);
	for (unsigned i = 0; i < 20; i++) {
		tick();
		soil_again(p, MUCH);
	}
	use_mib(100);
	tick_times(2);
	assert_int_equal(stats().window, DECAY_WINDOW_MIN);
	assert_int_equal(stats().nchases, 0);
}

static void
it_overrules_a_decay_of_never(void)
{
	char *p = soil(MUCH), *slab = scatter(1);

	assert_true(options_set("decay_ms", -1));
	tick();
	use_mib(900);
	tick();
	assert_int_equal(resident_pages(p, MUCH), 0);
	assert_int_equal(resident_in_slab(slab), 1);
}

/* Else a busy thread would lose its cache twenty times a second. */
static void
caches_in_use_are_taken_when_it_begins_and_while_it_is_critical(void)
{
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	tick();
	use_mib(900);
	helper_do(&h, keep_some, NULL);
	tick();
	assert_int_equal(cached_bytes(), 0);
	helper_do(&h, keep_some, NULL);
	tick();
	assert_true(cached_bytes() > 0);
	use_mib(990);
	helper_do(&h, keep_some, NULL);
	tick();
	assert_int_equal(cached_bytes(), 0);
	helper_end(&h);
}

/* Freed twice, for a cache learns from the first what it is to keep. */
static void
free_page_runs(void *arg)
{
	unsigned cls = size_class(65536);

	(void)arg;
	for (unsigned i = 0; i < 2; i++)
		block_free(block_alloc(cls), cls);
}

/* Of all caches and shelves. */
static size_t
kept_runs_bytes(void)
{
	static struct stats s;

	stats_take(&s);
	return s.cached + s.shelved;
}

/* Else each thread would fault in what the next tick takes from it. */
static void
while_it_lasts_caches_and_shelves_keep_no_page_runs(void)
{
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, free_page_runs, NULL);
	assert_int_equal(kept_runs_bytes(), 65536);
	use_mib(900);
	tick();
	assert_int_equal(kept_runs_bytes(), 0);
	helper_do(&h, free_page_runs, NULL);
	assert_int_equal(kept_runs_bytes(), 0);
	use_mib(100);
	tick();
	helper_do(&h, free_page_runs, NULL);
	assert_int_equal(kept_runs_bytes(), 65536);
	helper_end(&h);
}

static void
a_limit_that_changes_between_two_ticks_is_noticed(void)
{
	char *p = soil(MUCH);

	use_mib(500);
	tick();
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	/* From 1,000 down to 550. */
	group.memory.threshold = 495 * MIB;
	group.memory.limit = 550 * MIB;
	tick();
	assert_int_equal(resident_pages(p, MUCH), 0);
	assert_int_equal(stats().pressure.nevents, 1);
	assert_int_equal(stats().pressure.limit, 550 * MIB);
}

static void
a_limit_that_appears_and_goes_is_noticed(void)
{
	tick();
	use_mib(999);
	tick();
	assert_int_equal(stats().pressure.level, PRESSURE_CRITICAL);
	group.memory.limit = 0;
	tick();
	assert_int_equal(stats().pressure.level, PRESSURE_NONE);
	assert_int_equal(reclaim_tick_ns(), 250 * NS_PER_MS);
}

static void
stalls_under_a_limit_begin_it_too(void)
{
	char *p = soil(MUCH);

	use_mib(100);
	tick();
	/* A tick is 250 ms. */
	group.stall_us += 26000;
	tick();
	assert_int_equal(resident_pages(p, MUCH), 0);
	assert_int_equal(stats().pressure.nstalls, 1);
	tick();
	assert_int_equal(stats().pressure.level, PRESSURE_NONE);
}

static void
without_a_limit_nobody_asks_for_stalls(void)
{
	tick();
	assert_int_equal(group.nlooks, 1);
	assert_int_equal(group.nstall_looks, 0);
	use_mib(100);
	tick();
	assert_int_equal(group.nstall_looks, 1);
}

static void
limits_are_looked_at_every_20_ms_at_most(void)
{
	assert_true(options_set("decay_ms", 0));
	for (unsigned i = 0; i < 100; i++) {
		atomic_fetch_add(&now_ns, NS_PER_MS);
		reclaim_tick(true);
	}
	assert_int_equal(group.nlooks, 5);
}

/* Memory that grows fast is seen at once. */
static void
when_a_budget_was_used_up_limits_are_looked_at_sooner(void)
{
	use_mib(899);
	tick();
	assert_int_equal(group.nlooks, 1);
	reclaim_tick(true);
	assert_int_equal(group.nlooks, 1);
	soil(MIB / PAGE_BYTES + 1);
	reclaim_tick(true);
	assert_int_equal(group.nlooks, 2);
}

static void
the_share_of_the_limit_is_the_option_s(void)
{
	tick();
	assert_int_equal(group.percent, 90);
	assert_true(options_set("pressure_percent", 35));
	tick();
	assert_int_equal(group.percent, 35);
}

static void
with_a_share_of_zero_limits_are_never_looked_at(void)
{
	char *p = soil(MUCH);

	assert_true(options_set("pressure_percent", 0));
	use_mib(1000);
	tick();
	assert_int_equal(group.nlooks, 0);
	assert_int_equal(group.nstall_looks, 0);
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	assert_int_equal(stats().pressure.nevents, 0);
	assert_int_equal(atomic_load(&bell_budget), BELL_NO_BUDGET);
}

static void
it_is_told_when_it_began_and_what_it_gave(void)
{
	struct pressure p;

	scatter(1);
	soil(100);
	use_mib(920);
	tick();
	soil(50);
	tick();
	use_mib(100);
	tick();
	soil(10);
	tick();
	p = stats().pressure;
	assert_int_equal(p.nevents, 1);
	assert_int_equal(p.usage, 920 * MIB);
	assert_int_equal(p.limit, 1000 * MIB);
	assert_int_equal(p.ended_ns - p.begun_ns, 500 * NS_PER_MS);
	assert_int_equal(p.given, (100 + 15 + 50) * PAGE_BYTES);
	assert_int_equal(p.given_last, p.given);
}

static void
on_request_under_pressure_counts_as_given_too(void)
{
	use_mib(920);
	tick();
	soil(30);
	assert_int_equal(reclaim_now(), 30 * PAGE_BYTES);
	assert_int_equal(stats().pressure.given, 30 * PAGE_BYTES);
}

/* --- the budget ------------------------------------------------------------------------ */

static void
without_a_limit_any_number_of_pages_may_become_resident(void)
{
	tick();
	assert_int_equal(atomic_load(&bell_budget), BELL_NO_BUDGET);
}

static void
each_tick_allows_half_of_what_is_left(void)
{
	use_mib(700);
	tick();
	assert_int_equal(atomic_load(&bell_budget), 100 * MIB / PAGE_BYTES);
	/* Fresh pages spend it, ... */
	soil(1000);
	assert_int_equal(atomic_load(&bell_budget),
			 100 * MIB / PAGE_BYTES - 1001);
	tick();
	assert_int_equal(atomic_load(&bell_budget), 100 * MIB / PAGE_BYTES);
	/* ... and where the limit is gone nothing does. */
	group.memory.limit = 0;
	tick();
	soil(1000);
	assert_int_equal(atomic_load(&bell_budget), BELL_NO_BUDGET);
}

/* They are dirty: resident already. */
static void
pages_that_are_used_again_spend_nothing(void)
{
	char *p = soil(MUCH);

	use_mib(700);
	tick();
	soil_again(p, MUCH);
	assert_int_equal(atomic_load(&bell_budget), 100 * MIB / PAGE_BYTES);
}

/* --- who spends the last of it ------------------------------------------------------------ */

/* The next ones wait in vain for the trim thread, which has no CPU, say. */
static char *
spend_all(void)
{
	char *p;

	use_mib(899);
	tick();
	assert_false(bell_is_spent());
	p = soil(MUCH);
	assert_true(bell_is_spent());
	return p;
}

static void
who_spends_the_last_of_it_near_the_limit_gives_back_itself(void)
{
	char *p = spend_all(), *slab = scatter(4);

	use_mib(950);
	reclaim_relieve();
	assert_int_equal(resident_pages(p, MUCH), 0);
	assert_int_equal(resident_in_slab(slab), 1);
	assert_int_equal(stats().pressure.nevents, 1);
	/* And there is a new one, of half of the 50 MiB that are left. */
	assert_false(bell_is_spent());
	assert_int_equal(atomic_load(&bell_budget), 25 * MIB / PAGE_BYTES);
}

static void
who_spends_the_last_of_it_far_from_the_limit_gets_more(void)
{
	char *p = spend_all();

	use_mib(100);
	reclaim_relieve();
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	assert_int_equal(atomic_load(&bell_budget), 400 * MIB / PAGE_BYTES);
}

static void
while_there_is_some_of_it_left_nobody_looks(void)
{
	unsigned before;

	use_mib(899);
	tick();
	before = group.nlooks;
	use_mib(950);
	reclaim_relieve();
	assert_int_equal(group.nlooks, before);
	assert_int_equal(stats().nticks, 1);
}

/* One look for all of them. */
static void
who_comes_after_that_finds_it_done(void)
{
	unsigned before;

	spend_all();
	use_mib(950);
	reclaim_relieve();
	before = group.nlooks;
	reclaim_relieve();
	reclaim_relieve();
	assert_int_equal(group.nlooks, before);
	assert_int_equal(stats().nticks, 2);
}

/* Else threads would go on between the look and the purge. */
static void
under_pressure_a_look_without_a_purge_allows_nothing(void)
{
	spend_all();
	use_mib(950);
	assert_true(reclaim_watch());
	assert_true(bell_is_spent());
	tick();
	assert_false(bell_is_spent());
}

static void
where_limits_are_not_looked_at_nobody_relieves(void)
{
	char *p;

	assert_true(options_set("pressure_percent", 0));
	use_mib(999);
	tick();
	p = soil(MUCH);
	reclaim_relieve();
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	assert_int_equal(group.nlooks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(under_pressure_everything_goes_at_once),
		alone(while_it_lasts_all_goes_at_each_tick_and_ticks_are_short),
		alone(after_it_is_over_decay_is_as_it_was),
		alone(what_went_under_it_and_is_wanted_again_is_not_charged_to_decay),
		alone(it_overrules_a_decay_of_never),
		alone(caches_in_use_are_taken_when_it_begins_and_while_it_is_critical),
		alone(while_it_lasts_caches_and_shelves_keep_no_page_runs),
		alone(a_limit_that_changes_between_two_ticks_is_noticed),
		alone(a_limit_that_appears_and_goes_is_noticed),
		alone(stalls_under_a_limit_begin_it_too),
		alone(without_a_limit_nobody_asks_for_stalls),
		alone(limits_are_looked_at_every_20_ms_at_most),
		alone(when_a_budget_was_used_up_limits_are_looked_at_sooner),
		alone(the_share_of_the_limit_is_the_option_s),
		alone(with_a_share_of_zero_limits_are_never_looked_at),
		alone(it_is_told_when_it_began_and_what_it_gave),
		alone(on_request_under_pressure_counts_as_given_too),
		alone(without_a_limit_any_number_of_pages_may_become_resident),
		alone(each_tick_allows_half_of_what_is_left),
		alone(pages_that_are_used_again_spend_nothing),
		alone(who_spends_the_last_of_it_near_the_limit_gives_back_itself),
		alone(who_spends_the_last_of_it_far_from_the_limit_gets_more),
		alone(while_there_is_some_of_it_left_nobody_looks),
		alone(who_comes_after_that_finds_it_done),
		alone(under_pressure_a_look_without_a_purge_allows_nothing),
		alone(where_limits_are_not_looked_at_nobody_relieves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
