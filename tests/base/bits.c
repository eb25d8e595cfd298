/*
 * bits.c -- bitmaps, each function against one that goes bit by bit.
 */
#include "base/bits.h"
#include "unit.h"

#define NBITS  200
#define NWORDS ((NBITS + 63) / 64)

static uint64_t luck;

static int
seed(void **state)
{
	(void)state;
	luck = random_seed();
	return 0;
}

/* Runs of ones and zeros of all lengths. */
static void
random_bits(uint64_t *w)
{
	size_t at = 0;

	memset(w, 0, NWORDS * sizeof w[0]);
	while (at < NBITS) {
		size_t n = 1 + random_below(&luck, 70);

		for (size_t i = at; i < NBITS && i < at + n; i++)
			bits_set(w, i);
		at += n + 1 + random_below(&luck, 70);
	}
}

static void
a_bitmap_has_room_for_each_bit(void **state)
{
	(void)state;
	assert_int_equal(bits_nwords(0), 0);
	assert_int_equal(bits_nwords(1), 1);
	assert_int_equal(bits_nwords(64), 1);
	assert_int_equal(bits_nwords(65), 2);
	assert_int_equal(bits_nwords(4096), 64);
}

static void
a_mask_covers_its_range_and_no_more(void **state)
{
	(void)state;
	for (unsigned from = 0; from < 64; from++) {
		for (unsigned n = 1; from + n <= 64; n++) {
			uint64_t mask = bits_mask(from, n);

			for (unsigned i = 0; i < 64; i++)
				assert_int_equal(mask >> i & 1,
						 i >= from && i < from + n);
		}
	}
}

static void
setting_and_clearing_touch_one_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < NBITS; i++) {
		uint64_t w[NWORDS] = { 0 };

		bits_set(w, i);
		assert_int_equal(bits_count_range(w, 0, NBITS), 1);
		assert_true(bits_test(w, i));
		bits_clear(w, i);
		assert_int_equal(bits_count_range(w, 0, NBITS), 0);
	}
}

/* Sets (or clears) a range and looks at each bit afterwards. */
static void
check_range(size_t from, size_t n, bool set)
{
	uint64_t w[NWORDS], before[NWORDS];

	random_bits(w);
	memcpy(before, w, sizeof w);
	if (set)
		bits_set_range(w, from, n);
	else
		bits_clear_range(w, from, n);
	for (size_t i = 0; i < NBITS; i++) {
		bool inside = i >= from && i < from + n;

		assert_int_equal(bits_test(w, i),
				 inside ? set : bits_test(before, i));
	}
}

static void
setting_a_range_changes_no_bit_outside(void **state)
{
	(void)state;
	for (size_t from = 0; from <= NBITS; from++) {
		for (size_t n = 0; from + n <= NBITS; n += 1 + n / 5)
			check_range(from, n, true);
	}
}

static void
clearing_a_range_changes_no_bit_outside(void **state)
{
	(void)state;
	for (size_t from = 0; from <= NBITS; from++) {
		for (size_t n = 0; from + n <= NBITS; n += 1 + n / 5)
			check_range(from, n, false);
	}
}

static void
counting_a_range_counts_its_bits(void **state)
{
	uint64_t w[NWORDS];

	(void)state;
	random_bits(w);
	for (size_t from = 0; from <= NBITS; from++) {
		size_t expected = 0;

		for (size_t n = 0; from + n <= NBITS; n++) {
			assert_int_equal(bits_count_range(w, from, n),
					 expected);
			if (from + n < NBITS)
				expected += bits_test(w, from + n);
		}
	}
}

static size_t
slow_find(const uint64_t *w, size_t nbits, size_t from, bool value)
{
	while (from < nbits && bits_test(w, from) != value)
		from++;
	return from < nbits ? from : nbits;
}

static void
the_first_bit_at_or_after_a_place_is_found(void **state)
{
	uint64_t w[NWORDS];

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		size_t nbits = 1 + random_below(&luck, NBITS);

		random_bits(w);
		for (size_t from = 0; from <= nbits; from++) {
			assert_int_equal(bits_find_set(w, nbits, from),
					 slow_find(w, nbits, from, true));
			assert_int_equal(bits_find_clear(w, nbits, from),
					 slow_find(w, nbits, from, false));
		}
	}
}

static void
check_run(const uint64_t *w, size_t nbits, size_t from, bool value)
{
	size_t first = slow_find(w, nbits, from, value);
	size_t end = slow_find(w, nbits, first, !value);
	size_t start, len;

	len = value ? bits_next_set_run(w, nbits, from, &start)
		    : bits_next_clear_run(w, nbits, from, &start);
	assert_int_equal(len, end - first);
	if (len > 0)
		assert_int_equal(start, first);
}

static void
the_next_run_is_found_whole(void **state)
{
	uint64_t w[NWORDS];

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		size_t nbits = 1 + random_below(&luck, NBITS);

		random_bits(w);
		for (size_t from = 0; from <= nbits; from++) {
			check_run(w, nbits, from, true);
			check_run(w, nbits, from, false);
		}
	}
}

static void
the_last_set_bit_before_a_place_is_found(void **state)
{
	uint64_t w[NWORDS];

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		random_bits(w);
		for (size_t end = 0; end <= NBITS; end++) {
			size_t expected = end;

			while (expected > 0 && !bits_test(w, expected - 1))
				expected--;
			assert_int_equal(bits_find_set_before(w, end),
					 expected);
		}
	}
}

static void
ones_are_counted_without_the_cpus_help(void **state)
{
	(void)state;
	assert_int_equal(bits_popcount(0), 0);
	assert_int_equal(bits_popcount(UINT64_MAX), 64);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t x = random_next(&luck);

		x &= random_next(&luck);
		assert_int_equal(bits_popcount(x), __builtin_popcountll(x));
	}
}

static void
an_empty_and_a_full_bitmap_have_no_ends(void **state)
{
	uint64_t none[NWORDS] = { 0 }, all[NWORDS];
	size_t start;

	(void)state;
	memset(all, 0xff, sizeof all);
	assert_int_equal(bits_next_set_run(none, NBITS, 0, &start), 0);
	assert_int_equal(bits_next_clear_run(none, NBITS, 0, &start), NBITS);
	assert_int_equal(bits_next_set_run(all, NBITS, 0, &start), NBITS);
	assert_int_equal(bits_next_clear_run(all, NBITS, 0, &start), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bitmap_has_room_for_each_bit),
		cmocka_unit_test(a_mask_covers_its_range_and_no_more),
		cmocka_unit_test(setting_and_clearing_touch_one_bit),
		cmocka_unit_test(setting_a_range_changes_no_bit_outside),
		cmocka_unit_test(clearing_a_range_changes_no_bit_outside),
		cmocka_unit_test(counting_a_range_counts_its_bits),
		cmocka_unit_test(the_first_bit_at_or_after_a_place_is_found),
		cmocka_unit_test(the_next_run_is_found_whole),
		cmocka_unit_test(the_last_set_bit_before_a_place_is_found),
		cmocka_unit_test(ones_are_counted_without_the_cpus_help),
		cmocka_unit_test(an_empty_and_a_full_bitmap_have_no_ends),
	};

	return cmocka_run_group_tests(tests, seed, NULL);
}
