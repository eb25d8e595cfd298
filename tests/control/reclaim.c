/*
 * reclaim.c -- a tick: what of all that is free goes back now?
 */
#include "control/ticks.h"
#include "faults.h"

/* --- pages inside slabs -------------------------------------------------------------- */

static void
pages_of_a_slab_go_when_it_was_quiet_for_the_decay_and_not_earlier(void)
{
	char *slab = scatter(1);

	for (unsigned i = 1; i < DECAY_TICKS; i++) {
		assert_true(tick());
		assert_int_equal(resident_in_slab(slab), SLAB_NPAGES);
	}
	assert_false(tick());
	assert_int_equal(resident_in_slab(slab), 1);
	assert_int_equal(stats().slabs.npages, SLAB_NPAGES - 1);
	assert_int_equal(stats().slabs.ncalls, 1);
}

static void
a_slab_from_which_something_is_taken_waits_anew(void)
{
	char *slab = scatter(1);
	void *p;

	tick_times(DECAY_TICKS - 1);
	assert_int_equal(
		bin_fill(&arenas[0].bins[CLS], &arenas[0].pages, CLS, &p, 1),
		1);
	tick_times(DECAY_TICKS - 1);
	assert_int_equal(resident_in_slab(slab), SLAB_NPAGES);
	tick();
	assert_int_equal(resident_in_slab(slab), 1);
}

static void
a_slab_in_which_something_is_put_does_not(void)
{
	char *slab = scatter(1);
	void *p;

	bin_fill(&arenas[0].bins[CLS], &arenas[0].pages, CLS, &p, 1);
	tick_times(DECAY_TICKS - 1);
	bin_flush(&p, 1);
	tick();
	assert_int_equal(resident_in_slab(slab), 1);
}

static void
a_slab_that_was_given_back_in_part_gives_more_when_more_is_free(void)
{
	char *slab = scatter(2);
	void *p = slab;

	tick_times(DECAY_TICKS);
	assert_int_equal(resident_pages(slab, 2 * SLAB_NPAGES), 2);
	/* The other one's used slot keeps its page. */
	bin_flush(&p, 1);
	tick_times(DECAY_TICKS + 1);
	assert_int_equal(resident_pages(slab, 2 * SLAB_NPAGES), 1);
	assert_int_equal(arenas[0].bins[CLS].nslabs, 1);
}

static void
with_a_decay_of_zero_slabs_give_their_pages_at_the_next_tick(void)
{
	char *slab = scatter(1);

	assert_true(options_set("decay_ms", 0));
	assert_false(tick());
	assert_int_equal(resident_in_slab(slab), 1);
}

static void
pages_of_slabs_that_cannot_be_purged_stay_in_use(void)
{
	char *slab = scatter(2);

	fault_for_good(OS_CALL_PURGE, 1);
	tick_times(2 * DECAY_TICKS);
	assert_int_equal(stats().slabs.npages, 0);
	assert_true(stats().slabs.nfailed > 0);
	faults_none();
	/* All of them are there and are taken before a new slab is made. */
	assert_int_equal(fill_slots(2 * 63), 2 * 63);
	assert_int_equal(arenas[0].bins[CLS].nslabs, 2);
	assert_int_equal(resident_pages(slab, 2 * SLAB_NPAGES),
			 2 * SLAB_NPAGES);
}

/* --- decay ------------------------------------------------------------------------- */

static void
with_a_decay_of_zero_a_tick_gives_all_pages(void)
{
	char *p = soil(MUCH);

	assert_true(options_set("decay_ms", 0));
	assert_false(tick());
	assert_int_equal(resident_pages(p, MUCH), 0);
	assert_int_equal(reclaim_tick_ns(), NS_PER_MS);
}

static void
with_a_decay_of_never_ticks_give_nothing_and_expect_nothing(void)
{
	char *p = soil(MUCH), *slab = scatter(4);

	assert_true(options_set("decay_ms", -1));
	for (unsigned i = 0; i < 100; i++)
		assert_false(tick());
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	assert_int_equal(resident_in_slab(slab), SLAB_NPAGES);
}

static void
a_tick_is_a_quarter_of_the_decay(void)
{
	assert_int_equal(reclaim_tick_ns(), 250 * NS_PER_MS);
	assert_true(options_set("decay_ms", 8000));
	assert_int_equal(reclaim_tick_ns(), 2000 * NS_PER_MS);
	assert_true(options_set("decay_ms", 1));
	assert_int_equal(reclaim_tick_ns(), NS_PER_MS);
	/* Caches are drained whatever pages do. */
	assert_true(options_set("decay_ms", -1));
	assert_int_equal(reclaim_tick_ns(), 250 * NS_PER_MS);
}

static void
with_nothing_to_give_a_tick_expects_no_other(void)
{
	assert_false(tick());
	soil(10);
	assert_true(tick());
}

/* --- the demand window ------------------------------------------------------------- */

/* Ticks until the pages are gone. */
static unsigned
ticks_until_gone(const char *p, size_t npages)
{
	for (unsigned n = 1; n < 100; n++) {
		tick();
		if (resident_pages(p, npages) == 0)
			return n;
	}
	fail_msg("the pages stay");
	return 0;
}

static void
pages_wanted_again_soon_after_they_went_widen_the_window(void)
{
	char *p = soil(MUCH);

	ticks_until_gone(p, MUCH);
	assert_int_equal(stats().window, DECAY_WINDOW_MIN);
	soil_again(p, MUCH);
	tick();
	assert_int_equal(stats().window, 2 * DECAY_WINDOW_MIN);
	assert_int_equal(stats().nchases, 1);
}

static void
with_a_wider_window_pages_wait_for_longer(void)
{
	char *p = soil(MUCH);
	unsigned before = ticks_until_gone(p, MUCH), after;

	soil_again(p, MUCH);
	tick();
	soil_again(p, MUCH);
	for (unsigned i = 0; i < 2 * DECAY_WINDOW_MIN; i++) {
		tick();
		assert_int_equal(resident_pages(p, MUCH), MUCH);
	}
	after = 2 * DECAY_WINDOW_MIN + ticks_until_gone(p, MUCH);
	assert_int_equal(after, before + DECAY_WINDOW_MIN);
}

/* Each time that it was wrong to narrow, the window stays for twice as long. */
static void
a_load_in_bursts_is_chased_less_and_less_often(void)
{
	char *p = soil(MUCH);
	unsigned pause = ticks_until_gone(p, MUCH), ngone = 0;

	for (unsigned burst = 0; burst < 100; burst++) {
		soil_again(p, MUCH);
		tick_times(pause);
		ngone += resident_pages(p, MUCH) == 0;
	}
	assert_in_range(ngone, 1, 8);
	assert_int_equal(stats().window, 2 * DECAY_WINDOW_MIN);
}

/* Two seconds later, and it is no fault to have given it back. */
static void
pages_wanted_again_late_do_not_widen_it(void)
{
	char *p = soil(MUCH);

	for (unsigned tooth = 0; tooth < 5; tooth++) {
		ticks_until_gone(p, MUCH);
		tick_times(5 * DECAY_TICKS);
		soil_again(p, MUCH);
		tick();
		assert_int_equal(stats().window, DECAY_WINDOW_MIN);
	}
	assert_int_equal(stats().nchases, 0);
}

/* Whoever asked for it knew what he did. */
static void
what_was_given_on_request_and_is_wanted_again_does_not_widen_it(void)
{
	char *p = soil(MUCH), *q = soil(100);

	/* Some by decay, ... */
	tick();
	soil_again(p, MUCH);
	tick();
	assert_int_equal(resident_pages(q, 100), 0);
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	/* ... the rest by request. */
	reclaim_now();
	soil_again(p, MUCH);
	tick();
	assert_int_equal(stats().window, DECAY_WINDOW_MIN);
	assert_int_equal(stats().nchases, 0);
}

static void
without_bursts_it_narrows_again(void)
{
	char *p = soil(MUCH);

	ticks_until_gone(p, MUCH);
	soil_again(p, MUCH);
	tick();
	tick_times(DECAY_HOLD_MIN);
	assert_int_equal(stats().window, DECAY_WINDOW_MIN);
}

/* Fifteen of sixteen pages of each go. */
#define N_SLABS (2 * DECAY_NOISE / 16)

static void
pages_of_slabs_count_for_it_and_wait_with_it(void)
{
	char *slab = scatter(N_SLABS);
	unsigned quiet = DECAY_TICKS + DECAY_WINDOW_MIN;

	assert_int_equal(ticks_until_gone(slab + PAGE_BYTES, 15), DECAY_TICKS);
	fill_slots(N_SLABS * 63);
	tick();
	assert_int_equal(stats().window, 2 * DECAY_WINDOW_MIN);
	for (size_t i = 0; i < N_SLABS * 63; i++)
		memset(slots[i], 1, 1024);
	bin_flush(slots, N_SLABS * 63);
	tick_times(quiet - 1);
	assert_int_equal(resident_in_slab(slab), SLAB_NPAGES);
	tick();
	assert_int_equal(resident_in_slab(slab), 1);
}

/* --- caches ------------------------------------------------------------------------ */

static void
a_cache_in_use_is_not_drained_and_an_idle_one_is(void)
{
	struct helper busy, idle;

	thread_boot();
	helper_start(&busy);
	helper_start(&idle);
	helper_do(&idle, keep_some, NULL);
	for (unsigned i = 0; i < 10; i++) {
		helper_do(&busy, keep_some, NULL);
		assert_true(tick());
	}
	/* What one of them keeps. */
	helper_do(&idle, keep_some, NULL);
	assert_true(cached_bytes() >= 2 * 1024);
	tick_times(2);
	assert_int_equal(cached_bytes(), 0);
	helper_end(&busy);
	helper_end(&idle);
}

static void
a_tick_without_caches_leaves_them_alone(void)
{
	thread_boot();
	keep_some(NULL);
	for (unsigned i = 0; i < 10; i++)
		reclaim_tick(false);
	assert_true(cached_bytes() > 0);
}

static void
on_request_caches_in_use_are_emptied_too(void)
{
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	keep_some(NULL);
	assert_true(reclaim_now() > 0);
	assert_int_equal(cached_bytes(), 0);
	assert_int_equal(reclaim_now(), 0);
	assert_int_equal(stats().nforced, 2);
	helper_end(&h);
}

static void
on_request_slabs_need_not_be_quiet(void)
{
	char *slab = scatter(3);

	assert_int_equal(reclaim_now(), 3 * 15 * PAGE_BYTES);
	assert_int_equal(resident_pages(slab, 3 * SLAB_NPAGES), 3);
	assert_int_equal(reclaim_now(), 0);
}

static void
on_request_even_what_never_decays_goes(void)
{
	char *slab = scatter(1), *p = soil(100);

	assert_true(options_set("decay_ms", -1));
	assert_int_equal(reclaim_now(), (100 + 15) * PAGE_BYTES);
	assert_int_equal(resident_pages(p, 100), 0);
	assert_int_equal(resident_in_slab(slab), 1);
}

/* --- is it worth it? ----------------------------------------------------------------- */

static void
four_mebibytes_of_free_pages_are_worth_a_tick(void)
{
	assert_false(reclaim_is_worth_it());
	soil(4 * MIB / PAGE_BYTES);
	assert_true(reclaim_is_worth_it());
}

static void
less_of_them_are_not(void)
{
	soil(4 * MIB / PAGE_BYTES - 1);
	assert_false(reclaim_is_worth_it());
}

static void
slabs_of_less_than_sixteen_mebibytes_are_not(void)
{
	scatter(16 * MIB / SLAB_BYTES - 1);
	assert_false(reclaim_is_worth_it());
}

static void
slabs_of_sixteen_mebibytes_in_which_something_was_freed_are_too(void)
{
	scatter(16 * MIB / SLAB_BYTES);
	assert_true(reclaim_is_worth_it());
	tick_times(DECAY_TICKS);
	assert_false(reclaim_is_worth_it());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(pages_of_a_slab_go_when_it_was_quiet_for_the_decay_and_not_earlier),
		alone(a_slab_from_which_something_is_taken_waits_anew),
		alone(a_slab_in_which_something_is_put_does_not),
		alone(a_slab_that_was_given_back_in_part_gives_more_when_more_is_free),
		alone(with_a_decay_of_zero_slabs_give_their_pages_at_the_next_tick),
		alone(pages_of_slabs_that_cannot_be_purged_stay_in_use),
		alone(with_a_decay_of_zero_a_tick_gives_all_pages),
		alone(with_a_decay_of_never_ticks_give_nothing_and_expect_nothing),
		alone(a_tick_is_a_quarter_of_the_decay),
		alone(with_nothing_to_give_a_tick_expects_no_other),
		alone(pages_wanted_again_soon_after_they_went_widen_the_window),
		alone(with_a_wider_window_pages_wait_for_longer),
		alone(a_load_in_bursts_is_chased_less_and_less_often),
		alone(pages_wanted_again_late_do_not_widen_it),
		alone(what_was_given_on_request_and_is_wanted_again_does_not_widen_it),
		alone(without_bursts_it_narrows_again),
		alone(pages_of_slabs_count_for_it_and_wait_with_it),
		alone(a_cache_in_use_is_not_drained_and_an_idle_one_is),
		alone(a_tick_without_caches_leaves_them_alone),
		alone(on_request_caches_in_use_are_emptied_too),
		alone(on_request_slabs_need_not_be_quiet),
		alone(on_request_even_what_never_decays_goes),
		alone(four_mebibytes_of_free_pages_are_worth_a_tick),
		alone(less_of_them_are_not),
		alone(slabs_of_less_than_sixteen_mebibytes_are_not),
		alone(slabs_of_sixteen_mebibytes_in_which_something_was_freed_are_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
