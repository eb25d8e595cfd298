/*
 * tail.c -- what stands behind a checked block, for every size up to a page.
 */
#include <string.h>

#include "heap/tail.h"
#include "unit.h"

#define BYTES 512

static _Alignas(16) unsigned char block[BYTES];

static void
setup_block(size_t n, enum tail_state state)
{
	tail_boot(4711);
	memset(block, 0x11, sizeof block);
	tail_seal(block, BYTES, n, state);
}

static void
every_size_is_read_as_it_was_sealed(void **state)
{
	(void)state;
	for (size_t n = 0; n <= BYTES - TAIL_BYTES; n++) {
		struct tail t;

		setup_block(n, TAIL_LIVE);
		t = tail_read(block, BYTES);
		assert_int_equal(t.state, TAIL_LIVE);
		assert_int_equal(t.n, n);
		assert_true(t.at == TAIL_WHOLE);
		setup_block(n, TAIL_FREED);
		t = tail_read(block, BYTES);
		assert_int_equal(t.state, TAIL_FREED);
		assert_int_equal(t.n, n);
	}
}

static void
the_program_s_bytes_stay_as_they_were(void **state)
{
	(void)state;
	setup_block(100, TAIL_LIVE);
	assert_int_equal(tail_first_unlike(block, 100, 0x11), 100);
}

static void
the_first_wrong_byte_is_found_wherever_it_is(void **state)
{
	(void)state;
	for (size_t at = 300; at < BYTES - sizeof(uint64_t); at++) {
		struct tail t;

		setup_block(300, TAIL_LIVE);
		block[at] = 0;
		t = tail_read(block, BYTES);
		assert_int_equal(t.state, TAIL_LIVE);
		assert_int_equal(t.n, 300);
		assert_int_equal(t.at, at);
	}
}

static void
a_seal_of_which_one_bit_changed_is_none(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		setup_block(100, TAIL_LIVE);
		block[BYTES - 8 + bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_int_equal(tail_read(block, BYTES).state, TAIL_BROKEN);
	}
}

static void
a_seal_that_was_copied_elsewhere_is_none(void **state)
{
	static _Alignas(16) unsigned char other[BYTES];

	(void)state;
	setup_block(100, TAIL_LIVE);
	memcpy(other, block, sizeof other);
	assert_int_equal(tail_read(other, BYTES).state, TAIL_BROKEN);
}

static void
the_first_other_byte_is_found_at_every_place(void **state)
{
	(void)state;
	for (size_t at = 0; at < 64; at++) {
		memset(block, 0x5a, sizeof block);
		block[at] = 0;
		assert_int_equal(tail_first_unlike(block, 64, 0x5a), at);
		assert_int_equal(tail_first_unlike(block, at, 0x5a), at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_read_as_it_was_sealed),
		cmocka_unit_test(the_program_s_bytes_stay_as_they_were),
		cmocka_unit_test(the_first_wrong_byte_is_found_wherever_it_is),
		cmocka_unit_test(a_seal_of_which_one_bit_changed_is_none),
		cmocka_unit_test(a_seal_that_was_copied_elsewhere_is_none),
		cmocka_unit_test(the_first_other_byte_is_found_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
