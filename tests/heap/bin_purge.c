/*
 * bin_purge.c -- a bin gives the pages of quiet slabs back.
 *
 * purge_ranges() is wrapped at link time: a test says what happens while the
 * slabs are held and no lock is, and how many ranges the kernel takes.
 */
#include "faults.h"
#include "heap/bins.h"
#include "pages/bell.h"

/* 64 slots of 1 KiB in a slab, four to a page. */
#define SIZE     1024u
#define NSLOTS   64u
#define PER_PAGE 4u

static void *blocks[500 * NSLOTS];
static struct purge_stats stats;

/* --- the kernel, and what happens meanwhile ---------------------------------- */

size_t __wrap_purge_ranges(const struct os_range *ranges, size_t n,
			   struct purge_stats *to);
size_t __real_purge_ranges(const struct os_range *ranges, size_t n,
			   struct purge_stats *to);

static void (*meanwhile)(void);
static size_t ntakes = SIZE_MAX; /* ranges that the kernel takes */
static size_t ncalls;
static struct os_range last[256];
static size_t nlast;

size_t
__wrap_purge_ranges(const struct os_range *ranges, size_t n,
		    struct purge_stats *to)
{
	size_t most = min_size(n, ntakes);

	ncalls++;
	assert_in_range(n, 1, COUNT_OF(last));
	memcpy(last, ranges, n * sizeof *ranges);
	nlast = n;
	if (meanwhile != NULL)
		meanwhile();
	return most == 0 ? 0 : __real_purge_ranges(ranges, most, to);
}

/* Pages that went. */
static size_t
purge(unsigned quiet_ticks)
{
	uint64_t before = stats.npages;

	bin_purge(&bin, quiet_ticks, &stats);
	return (size_t)(stats.npages - before);
}

/* --- slabs ----------------------------------------------------------------------- */

static void
sign(void *p)
{
	memset(p, (int)((uintptr_t)p >> 10 & 0xff) | 1, SIZE);
}

static void
expect_signed(const void *p)
{
	assert_true(is_all(p, (unsigned char)(((uintptr_t)p >> 10 & 0xff) | 1),
			   SIZE));
}

/* n full slabs: block NSLOTS * i + k is slot k of slab i. */
static void
begin(size_t n)
{
	cls = size_class(SIZE);
	fill(&bin, blocks, n * NSLOTS);
	for (size_t i = 0; i < n * NSLOTS; i++) {
		assert_ptr_equal(blocks[i], (char *)blocks[i - i % NSLOTS] +
						    i % NSLOTS * SIZE);
		sign(blocks[i]);
	}
	check_bin(&bin, n * NSLOTS);
}

static struct slab *
slab_of(size_t i)
{
	return slab_find(blocks[i * NSLOTS]);
}

/* Flushes n blocks, which were not touched since they were signed. */
static void
drop(size_t from, size_t n)
{
	void *out[NSLOTS];

	assert_true(n <= NSLOTS);
	for (size_t i = 0; i < n; i++)
		expect_signed(blocks[from + i]);
	memcpy(out, blocks + from, n * sizeof *out);
	bin_flush(out, n);
}

/* All blocks of some pages of slab i. */
static void
drop_pages(size_t i, unsigned first, unsigned npages)
{
	for (unsigned k = first; k < first + npages; k++)
		drop(i * NSLOTS + (size_t)k * PER_PAGE, PER_PAGE);
}

/* --- when ------------------------------------------------------------------------ */

static void
pages_go_when_nothing_was_taken_for_so_many_ticks(void)
{
	begin(10);
	for (unsigned quiet = 0; quiet < 10; quiet++) {
		drop_pages(quiet, 3, 2);
		for (unsigned i = 1; i < quiet; i++)
			assert_int_equal(purge(quiet), 0);
		assert_int_equal(purge(quiet), 2);
		assert_int_equal(slab_of(quiet)->away, 3 << 3);
		check_away(slab_of(quiet));
	}
	assert_int_equal(bin.nyoung, 0);
}

static void
a_take_makes_the_wait_begin_anew(void)
{
	void *p;

	begin(1);
	drop_pages(0, 0, 2);
	assert_int_equal(purge(3), 0);
	assert_int_equal(purge(3), 0);
	fill(&bin, &p, 1);
	assert_int_equal(purge(3), 0);
	assert_int_equal(purge(3), 0);
	assert_int_equal(purge(3), 1);
	assert_int_equal(slab_of(0)->away, 1 << 1);
}

static void
a_put_does_not_make_it_longer(void)
{
	begin(1);
	drop_pages(0, 0, 1);
	assert_int_equal(purge(3), 0);
	drop_pages(0, 1, 1);
	assert_int_equal(purge(3), 0);
	drop_pages(0, 2, 1);
	assert_int_equal(purge(3), 3);
}

static void
a_page_with_a_used_slot_stays(void)
{
	begin(1);
	for (size_t i = 0; i < NSLOTS; i++) {
		if (i % PER_PAGE != 2)
			drop(i, 1);
	}
	assert_int_equal(purge(0), 0);
	drop(7 * PER_PAGE + 2, 1);
	assert_int_equal(purge(0), 1);
	assert_int_equal(slab_of(0)->away, 1 << 7);
}

/* --- what is looked at ------------------------------------------------------------- */

static void
what_was_looked_at_is_of_no_interest_until_something_is_put(void)
{
	begin(3);
	assert_int_equal(bin.nyoung, 0);
	drop(0, 3);
	drop(NSLOTS, 3);
	drop(NSLOTS + 3, 3);
	assert_int_equal(bin.nyoung, 2);
	assert_int_equal(bin_purge(&bin, 2, &stats).nyoung, 2);
	assert_int_equal(bin_purge(&bin, 2, &stats).nyoung, 0);
	assert_int_equal(slab_of(1)->away, 1);
	ncalls = 0;
	assert_int_equal(purge(0), 0);
	assert_int_equal(ncalls, 0);
	drop(3, 1);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(purge(1), 1);
	check_bin(&bin, 3 * NSLOTS - 10);
}

static void
full_slabs_are_looked_at_once(void)
{
	void *p;

	begin(1);
	drop(5, 1);
	fill(&bin, &p, 1);
	assert_ptr_equal(p, blocks[5]);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(bin_purge(&bin, 5, &stats).nyoung, 0);
	check_bin(&bin, NSLOTS);
}

/* They go as wholes, by bin_trim. */
static void
empty_slabs_keep_their_pages(void)
{
	begin(3);
	drop(0, NSLOTS);
	assert_int_equal(bin.nempty, 1);
	assert_int_equal(purge(0), 0);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(slab_of(0)->away, 0);
	check_bin(&bin, 2 * NSLOTS);
}

static void
young_slabs_are_counted_over_all_bins(void)
{
	void *p[NSLOTS];

	assert_int_equal(bin_nyoung(), 0);
	begin(3);
	fill(&other, p, NSLOTS);
	drop(0, 1);
	drop(NSLOTS, NSLOTS);
	assert_int_equal(bin_nyoung(), 2);
	bin_flush(p, 1);
	assert_int_equal(bin_nyoung(), 3);
	/* Retired: young no more. */
	bin_trim(&bin, false);
	assert_int_equal(bin_nyoung(), 2);
	assert_int_equal(purge(2), 0);
	assert_int_equal(bin_nyoung(), 2);
	assert_int_equal(purge(1), 0);
	assert_int_equal(bin_nyoung(), 1);
	bin_purge(&other, 0, &stats);
	assert_int_equal(bin_nyoung(), 0);
}

/* More than are claimed in one go, and more than are looked at under a lock. */
static void
one_call_serves_all_young_slabs(void)
{
	begin(200);
	for (size_t i = 0; i < 200; i++)
		drop_pages(i, (unsigned)(i % 16), 1);
	assert_int_equal(purge(2), 0);
	assert_int_equal(bin.nyoung, 200);
	assert_int_equal(purge(2), 200);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(stats.npages, 200);
	assert_int_equal(stats.nranges, 200);
	assert_int_equal(stats.nfailed, 0);
	/* In batches, not one by one. */
	assert_in_range(ncalls, 1, 20);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(slab_of(i)->away, 1 << i % 16);
}

static size_t at;

static void
make_another_young(void)
{
	drop_pages(++at, 1, 2);
}

/* It looks at no more slabs than were young when it began. */
static void
a_call_ends_while_others_make_slabs_young(void)
{
	begin(100);
	for (at = 0; at < 20; at++)
		drop_pages(at, 1, 2);
	meanwhile = make_another_young;
	assert_in_range(purge(0), 40, 60);
	meanwhile = NULL;
	assert_in_range(bin.nyoung, 1, ncalls);
	purge(0);
	assert_int_equal(bin.nyoung, 0);
	check_bin(&bin, 100 * NSLOTS - (at + 1 - 1) * 2 * PER_PAGE);
}

/* --- in which order slots are taken ------------------------------------------------ */

static void
take_one_of(size_t i)
{
	void *p;

	fill(&bin, &p, 1);
	assert_ptr_equal(slab_find(p), slab_of(i));
}

/*
 * Slabs 0 and 1 with visible slots, 2 empty, 3 and 4 with hidden slots alone:
 * of each kind the fuller one comes first, whatever was put last.
 */
static void
visible_slots_come_first_then_empty_slabs_then_hidden_slots(void)
{
	begin(6);
	drop_pages(3, 0, 6);
	drop_pages(4, 4, 1);
	assert_int_equal(purge(0), 7);
	drop(0, 40);
	drop(NSLOTS, 3);
	drop(2 * NSLOTS, NSLOTS);
	for (unsigned i = 0; i < 3; i++)
		take_one_of(1);
	for (unsigned i = 0; i < 40; i++)
		take_one_of(0);
	for (unsigned i = 0; i < NSLOTS; i++)
		take_one_of(2);
	assert_int_equal(bin.nrefaults, 0);
	for (unsigned i = 0; i < PER_PAGE; i++)
		take_one_of(4);
	assert_int_equal(bin.nrefaults, 1);
	for (unsigned i = 0; i < 6 * PER_PAGE; i++)
		take_one_of(3);
	assert_int_equal(bin.nrefaults, 7);
	assert_int_equal(bin.naway, 0);
	assert_int_equal(bin.nslabs, 6);
	fill(&bin, blocks, 1);
	assert_int_equal(bin.nslabs, 7);
	check_bin(&bin, 6 * NSLOTS + 1);
}

static void
one_fill_may_take_of_all_kinds(void)
{
	static void *out[NSLOTS + 14];

	begin(3);
	drop_pages(0, 0, 2);
	purge(0);
	drop(NSLOTS, 6);
	drop(2 * NSLOTS, NSLOTS);
	assert_int_equal(bin_fill(&bin, &heap, cls, out, COUNT_OF(out)),
			 COUNT_OF(out));
	assert_ptr_equal(slab_find(out[5]), slab_of(1));
	assert_ptr_equal(slab_find(out[6]), slab_of(2));
	assert_ptr_equal(slab_find(out[6 + NSLOTS]), slab_of(0));
	assert_int_equal(bin.nslabs, 3);
	check_bin(&bin, 3 * NSLOTS);
}

/* A page is asked for when its slots are, and no earlier. */
static void
pages_come_back_one_at_a_time(void)
{
	void *out[8 * PER_PAGE];

	begin(1);
	drop_pages(0, 4, 8);
	purge(0);
	for (size_t i = 0; i < COUNT_OF(out); i++) {
		assert_int_equal(bin.naway, 8 - (i + 3) / 4);
		fill(&bin, &out[i], 1);
		assert_true(is_all(out[i], 0, SIZE));
		sign(out[i]);
	}
	assert_int_equal(bin.nrefaults, 8);
	assert_int_equal(bin_purge(&bin, 0, &stats).nrefaults, 8);
	check_bin(&bin, NSLOTS);
}

/* As fresh page runs are: a memory limit may be near. */
static void
pages_that_come_back_are_spent_of_the_budget(void)
{
	void *p[9];

	begin(1);
	drop_pages(0, 4, 8);
	purge(0);
	bell_allow(2);
	fill(&bin, p, 4);
	assert_int_equal(atomic_load(&bell_budget), 1);
	fill(&bin, p + 4, 4);
	assert_int_equal(atomic_load(&bell_budget), 0);
	/* Overdrawn: who sets budgets is woken, and naps no longer. */
	fill(&bin, p + 8, 1);
	assert_true(atomic_load(&bell_budget) == BELL_NO_BUDGET);
	bell_nap(UINT64_C(86400) * 1000000000);
}

/* --- a kernel that refuses ---------------------------------------------------------- */

static uint16_t
last_pages(const struct slab *s, size_t from)
{
	uint16_t pages = 0;

	for (size_t i = from; i < nlast; i++) {
		size_t page = (size_t)((char *)last[i].addr - s->base) >>
			      PAGE_SHIFT;

		if (slab_find(last[i].addr) == s)
			pages |= (uint16_t)(((1u << (last[i].bytes >>
						     PAGE_SHIFT)) -
					     1)
					    << page);
	}
	return pages;
}

/* Three slabs with three, one and two ranges to purge. */
static void
drop_ranges(void)
{
	drop_pages(0, 0, 2);
	drop_pages(0, 5, 1);
	drop_pages(0, 14, 2);
	drop_pages(1, 0, 15);
	drop_pages(2, 3, 4);
	drop_pages(2, 9, 3);
}

static void
expect_refused(size_t i, uint16_t wanted)
{
	struct slab *s = slab_of(i);
	uint16_t refused = last_pages(s, ntakes);

	assert_int_equal(last_pages(s, 0), wanted);
	assert_int_equal(s->away, wanted & ~refused);
	assert_false(s->is_held);
	check_away(s);
}

static void
check_refusal(size_t n)
{
	ntakes = n;
	begin(3);
	drop_ranges();
	purge(0);
	assert_int_equal(nlast, 6);
	expect_refused(0, 0xc023);
	expect_refused(1, 0x7fff);
	expect_refused(2, 0x0e78);
	check_bin(&bin, 3 * NSLOTS - 27 * PER_PAGE);
	assert_int_equal(stats.npages, bin.naway);
	ntakes = SIZE_MAX;
	/* The slots of all kinds are there, and nothing is lost. */
	fill(&bin, blocks + 3 * NSLOTS, 27 * PER_PAGE);
	assert_int_equal(bin.nslabs, 3);
	check_bin(&bin, 3 * NSLOTS);
}

#define REFUSAL(n)                         \
	static void refusal_from_##n(void) \
	{                                  \
		check_refusal(n);          \
	}
REFUSAL(0)
REFUSAL(1)
REFUSAL(2)
REFUSAL(3)
REFUSAL(4)
REFUSAL(5)
REFUSAL(6)

static void
what_the_kernel_refuses_is_resident_and_nothing_else(void **state)
{
	static void (*const refusals[])(void) = {
		refusal_from_0, refusal_from_1, refusal_from_2, refusal_from_3,
		refusal_from_4, refusal_from_5, refusal_from_6,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(refusals); i++)
		assert_int_equal(child_status(refusals[i]), 0);
}

/* By the calls themselves; the first may be one for all ranges. */
static void
a_purge_call_that_fails_is_counted_and_reveals(void)
{
	begin(3);
	for (unsigned k = 1; k < 12; k++) {
		struct purge_stats now = { 0 };

		drop_ranges();
		fault_for_good(OS_CALL_PURGE, k);
		bin_purge(&bin, 0, &now);
		faults_none();
		assert_int_equal(now.npages, bin.naway);
		assert_int_equal(now.nranges + now.nfailed, 6);
		for (size_t i = 0; i < 3; i++)
			check_away(slab_of(i));
		check_bin(&bin, 3 * NSLOTS - 27 * PER_PAGE);
		/* All of them anew, so that the next round finds them full. */
		fill(&bin, blocks + 3 * NSLOTS, 27 * PER_PAGE);
		for (size_t i = 0; i < 3 * NSLOTS + 27 * PER_PAGE; i++)
			sign(blocks[i]);
		assert_int_equal(bin.naway, 0);
		assert_int_equal(bin.nslabs, 3);
	}
}

/* --- while a slab is held -------------------------------------------------------------- */

static void
take_while_held(void)
{
	void *p;

	meanwhile = NULL;
	assert_true(slab_of(0)->is_held);
	assert_int_equal(check_bin(&bin, bin.nused), 1);
	fill(&bin, &p, 1);
	assert_ptr_not_equal(slab_find(p), slab_of(0));
	assert_int_equal(bin.nslabs, 2);
	sign(p);
	blocks[NSLOTS] = p;
}

/* Its page may be the kernel's already: a new slab is made instead. */
static void
nothing_of_a_held_slab_is_revealed(void)
{
	begin(1);
	drop_pages(0, 2, 3);
	meanwhile = take_while_held;
	assert_int_equal(purge(0), 3);
	expect_signed(blocks[NSLOTS]);
	check_bin(&bin, NSLOTS - 3 * PER_PAGE + 1);
	/* Afterwards it is, when the new one is used up. */
	fill(&bin, blocks + NSLOTS, NSLOTS - 1);
	assert_int_equal(bin.nrefaults, 0);
	take_one_of(0);
	assert_int_equal(bin.nrefaults, 1);
	assert_int_equal(bin.nslabs, 2);
}

static void
put_and_take_while_held(void)
{
	void *p[3];

	meanwhile = NULL;
	/* Slots 0 and 1 are free, and slots of pages 4 to 6 are hidden. */
	fill(&bin, p, 2);
	assert_ptr_equal(p[0], blocks[0]);
	assert_ptr_equal(p[1], blocks[1]);
	sign(p[0]);
	sign(p[1]);
	check_bin(&bin, bin.nused);
	drop(62, 1);
	assert_true(slab_of(0)->is_young);
	check_bin(&bin, bin.nused);
	fill(&bin, p, 1);
	assert_ptr_equal(p[0], blocks[62]);
	sign(p[0]);
	drop(63, 1);
}

static void
visible_slots_of_a_held_slab_are_put_and_taken(void)
{
	begin(1);
	drop(0, 2);
	drop_pages(0, 4, 3);
	meanwhile = put_and_take_while_held;
	assert_int_equal(purge(0), 3);
	assert_int_equal(slab_of(0)->away, 7 << 4);
	assert_int_equal(slab_of(0)->nfree, 1);
	check_bin(&bin, NSLOTS - 3 * PER_PAGE - 1);
	for (size_t i = 0; i < 63; i++) {
		if (i < 16 || i >= 28)
			expect_signed(blocks[i]);
	}
}

/* What was put meanwhile is not purged, and what is taken keeps its contents. */
static void
free_a_page_while_held(void)
{
	meanwhile = NULL;
	drop_pages(0, 8, 1);
	assert_int_equal(slab_of(0)->away, 1 << 4);
}

static void
a_page_that_runs_free_meanwhile_waits_for_the_next_purge(void)
{
	begin(1);
	drop_pages(0, 4, 1);
	meanwhile = free_a_page_while_held;
	assert_int_equal(purge(0), 1);
	assert_int_equal(slab_of(0)->away, 1 << 4);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(purge(0), 1);
	assert_int_equal(slab_of(0)->away, 1 << 4 | 1 << 8);
}

static void
empty_while_held(void)
{
	size_t nslabs = bin.nslabs;

	meanwhile = NULL;
	drop(PER_PAGE, NSLOTS - PER_PAGE);
	assert_true(slab_is_empty(slab_of(0)));
	assert_int_equal(bin.nslabs, nslabs);
	check_bin(&bin, NSLOTS * 2);
	/* Not among the empty ones, for those may be retired. */
	assert_int_equal(bin.nempty, 0);
	bin_trim(&bin, false);
	assert_ptr_equal(slab_find(blocks[0]), slab_of(0));
}

static void
a_held_slab_that_runs_empty_is_retired_afterwards(void)
{
	char *base;

	begin(3);
	base = slab_of(0)->base;
	drop_pages(0, 0, 1);
	meanwhile = empty_while_held;
	assert_int_equal(purge(0), 1);
	assert_null(slab_find(base));
	assert_int_equal(bin.nslabs, 2);
	assert_int_equal(bin.naway, 0);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(heap.nused, 2 * SLAB_NPAGES);
	/* The page that went is clean. */
	assert_int_equal(pageheap_ndirty(&heap), SLAB_NPAGES - 1);
	check_bin(&bin, 2 * NSLOTS);
}

static void
a_held_slab_that_runs_empty_and_loses_no_page_is_kept(void)
{
	begin(3);
	drop_pages(0, 0, 1);
	meanwhile = empty_while_held;
	ntakes = 0;
	assert_int_equal(purge(0), 0);
	assert_int_equal(bin.nempty, 1);
	assert_int_equal(bin.nslabs, 3);
	assert_int_equal(slab_of(0)->away, 0);
	check_bin(&bin, 2 * NSLOTS);
}

static void
empty_and_take_while_held(void)
{
	empty_while_held();
	fill(&bin, blocks + 3 * NSLOTS, 5);
	for (size_t i = 0; i < 5; i++)
		sign(blocks[3 * NSLOTS + i]);
}

static void
a_held_slab_that_was_empty_in_between_stays(void)
{
	begin(3);
	drop_pages(0, 0, 1);
	meanwhile = empty_and_take_while_held;
	assert_int_equal(purge(0), 1);
	assert_int_equal(bin.nslabs, 3);
	assert_int_equal(slab_of(0)->away, 1);
	for (size_t i = 0; i < 5; i++) {
		expect_signed(blocks[3 * NSLOTS + i]);
		assert_ptr_equal(slab_find(blocks[3 * NSLOTS + i]), slab_of(0));
	}
	check_bin(&bin, 2 * NSLOTS + 5);
}

/* --- the end ----------------------------------------------------------------------------- */

static void
a_slab_with_pages_away_that_runs_empty_is_retired_at_once(void)
{
	begin(3);
	drop_pages(0, 0, 1);
	purge(0);
	drop(PER_PAGE, NSLOTS - PER_PAGE);
	assert_int_equal(bin.nslabs, 2);
	assert_int_equal(bin.nempty, 0);
	assert_int_equal(bin.naway, 0);
	assert_int_equal(pageheap_ndirty(&heap), SLAB_NPAGES - 1);
	check_bin(&bin, 2 * NSLOTS);
}

static void
do_flush_hidden(void)
{
	begin(1);
	drop_pages(0, 3, 1);
	purge(0);
	bin_flush(&blocks[3 * PER_PAGE], 1);
}

static void
flush_hidden_while_held(void)
{
	bin_flush(&blocks[3 * PER_PAGE], 1);
}

static void
do_flush_held(void)
{
	begin(1);
	drop_pages(0, 3, 1);
	meanwhile = flush_hidden_while_held;
	purge(0);
}

static void
a_block_whose_page_is_away_cannot_be_freed(void **state)
{
	(void)state;
	expect_death(do_flush_hidden, "free(): a block was freed twice");
	expect_death(do_flush_held, "free(): a block was freed twice");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(pages_go_when_nothing_was_taken_for_so_many_ticks),
		alone(a_take_makes_the_wait_begin_anew),
		alone(a_put_does_not_make_it_longer),
		alone(a_page_with_a_used_slot_stays),
		alone(what_was_looked_at_is_of_no_interest_until_something_is_put),
		alone(full_slabs_are_looked_at_once),
		alone(empty_slabs_keep_their_pages),
		alone(young_slabs_are_counted_over_all_bins),
		alone(one_call_serves_all_young_slabs),
		alone(a_call_ends_while_others_make_slabs_young),
		alone(visible_slots_come_first_then_empty_slabs_then_hidden_slots),
		alone(one_fill_may_take_of_all_kinds),
		alone(pages_come_back_one_at_a_time),
		alone(pages_that_come_back_are_spent_of_the_budget),
		cmocka_unit_test(
			what_the_kernel_refuses_is_resident_and_nothing_else),
		alone(a_purge_call_that_fails_is_counted_and_reveals),
		alone(nothing_of_a_held_slab_is_revealed),
		alone(visible_slots_of_a_held_slab_are_put_and_taken),
		alone(a_page_that_runs_free_meanwhile_waits_for_the_next_purge),
		alone(a_held_slab_that_runs_empty_is_retired_afterwards),
		alone(a_held_slab_that_runs_empty_and_loses_no_page_is_kept),
		alone(a_held_slab_that_was_empty_in_between_stays),
		alone(a_slab_with_pages_away_that_runs_empty_is_retired_at_once),
		cmocka_unit_test(a_block_whose_page_is_away_cannot_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
