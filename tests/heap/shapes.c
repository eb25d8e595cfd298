/*
 * shapes.c -- how slabs are cut: every class, every slot, every byte of a slab.
 *
 * The model knows a class's block size and the size of its groups, and lays
 * the slots out one by one.
 */
#include <math.h>

#include "heap/sizeclass.h"
#include "pages/region.h"
#include "unit.h"

#define SLOTS_MAX (SLAB_BYTES / QUANTUM_BYTES)

struct model {
	size_t offsets[SLOTS_MAX], nslots;
};

static size_t
group_bytes(unsigned cls)
{
	return class_shapes[cls].mask + (size_t)1;
}

static void
lay_out(unsigned cls, struct model *m)
{
	size_t size = class_size(cls), group = group_bytes(cls);

	m->nslots = 0;
	for (size_t start = 0; start < SLAB_BYTES; start += group) {
		for (size_t at = 0; at + size <= group; at += size)
			m->offsets[m->nslots++] = start + at;
	}
}

#define for_each_slab_class(cls) \
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)

/* --- groups ------------------------------------------------------------------- */

static void
groups_are_pages_by_powers_of_two(void **state)
{
	(void)state;
	for_each_slab_class(cls)
	{
		assert_true(is_power_of_two(group_bytes(cls)));
		assert_in_range(group_bytes(cls), PAGE_BYTES, SLAB_BYTES);
		assert_int_equal((size_t)1 << class_shapes[cls].shift,
				 group_bytes(cls));
	}
}

static bool
leaves_little_over(size_t size, size_t group)
{
	return group % size * 32 <= group;
}

static void
a_group_is_the_least_that_leaves_little_over(void **state)
{
	(void)state;
	for_each_slab_class(cls)
	{
		size_t size = class_size(cls), group = PAGE_BYTES;

		while (group < SLAB_BYTES && !leaves_little_over(size, group))
			group *= 2;
		assert_int_equal(group_bytes(cls), group);
	}
}

static void
up_to_2_kib_no_group_is_above_four_pages(void **state)
{
	(void)state;
	for (unsigned cls = 1; cls <= CLASS_2048; cls++)
		assert_true(group_bytes(cls) <= 4 * PAGE_BYTES);
}

static void
a_slab_leaves_a_thirty_second_over_or_less_than_a_slot(void **state)
{
	(void)state;
	for_each_slab_class(cls)
	{
		size_t used = class_nslots(cls) * class_size(cls);

		print_message("# class %2u: %4zu slots of %5zu bytes, "
			      "%zu to %2zu pages, %zu bytes over\n",
			      cls, class_nslots(cls), class_size(cls),
			      (size_t)class_shapes[cls].per_group,
			      group_bytes(cls) >> PAGE_SHIFT,
			      SLAB_BYTES - used);
		assert_true((SLAB_BYTES - used) * 32 <= SLAB_BYTES ||
			    SLAB_BYTES - used < class_size(cls));
	}
}

/* --- slots ---------------------------------------------------------------------- */

static void
every_slot_lies_where_it_is_laid_out(void **state)
{
	static struct model m;

	(void)state;
	for_each_slab_class(cls)
	{
		lay_out(cls, &m);
		assert_int_equal(class_nslots(cls), m.nslots);
		for (size_t i = 0; i < m.nslots; i++)
			assert_int_equal(class_slot_offset(cls, i),
					 m.offsets[i]);
	}
}

static void
no_slot_reaches_over_the_end_of_its_group(void **state)
{
	(void)state;
	for_each_slab_class(cls)
	{
		for (size_t i = 0; i < class_nslots(cls); i++) {
			size_t start = class_slot_offset(cls, i);
			size_t last = start + class_size(cls) - 1;

			assert_int_equal(start / group_bytes(cls),
					 last / group_bytes(cls));
		}
	}
}

/* As free() does, before it knows a slab. */
static bool
may_be_a_slot(unsigned cls, uintptr_t address)
{
	const struct class_shape *s = &class_shapes[cls];
	uint64_t product = (uint64_t)(address & s->mask) * s->magic;

	return (uint32_t)product < s->magic;
}

/*
 * What a group leaves over is less than a block. Where it begins, and nowhere
 * else, the multiplication takes a byte for a slot's first one; slab_slot()
 * does not.
 */
static bool
is_rest_of_group(unsigned cls, size_t offset)
{
	size_t in_group = offset % group_bytes(cls);

	return in_group == group_bytes(cls) - class_shapes[cls].gap;
}

static void
mask_and_magic_know_every_first_byte(void **state)
{
	static struct model m;

	(void)state;
	for_each_slab_class(cls)
	{
		size_t next = 0;

		lay_out(cls, &m);
		for (size_t at = 0; at < SLAB_BYTES; at++) {
			bool is_first = next < m.nslots &&
					m.offsets[next] == at;

			next += is_first;
			if (!is_first && is_rest_of_group(cls, at))
				continue;
			if (may_be_a_slot(cls, at) != is_first)
				fail_msg("class %u, byte %zu", cls, at);
		}
		assert_int_equal(next, m.nslots);
	}
}

/* The address's upper bits are of no interest, whatever they are. */
static void
where_the_slab_lies_makes_no_difference(void **state)
{
	static const uintptr_t bases[] = { 0x7f0000000000, 0xffffffffffff0000,
					   0x10000 };

	(void)state;
	for_each_slab_class(cls)
	{
		for (size_t at = 0; at < SLAB_BYTES; at += 8) {
			bool here = may_be_a_slot(cls, at);

			for (size_t i = 0; i < COUNT_OF(bases); i++)
				assert_int_equal(
					may_be_a_slot(cls, bases[i] + at),
					here);
		}
	}
}

static void
page_runs_begin_at_pages(void **state)
{
	(void)state;
	for (unsigned cls = CLASS_SLAB_MAX + 1; cls <= CLASS_RUN; cls++) {
		for (size_t at = 0; at < SLAB_BYTES; at++)
			assert_int_equal(may_be_a_slot(cls, at),
					 at % PAGE_BYTES == 0);
	}
}

static void
no_address_is_a_block_of_no_class(void **state)
{
	(void)state;
	for (size_t at = 0; at < SLAB_BYTES; at++)
		assert_false(may_be_a_slot(CLASS_NONE, at));
}

/* --- dividing ------------------------------------------------------------------- */

static void
check_divisor(uint32_t d)
{
	uint32_t magic = DIVIDE_MAGIC(d);

	for (uint64_t offset = 0; offset < SLAB_BYTES; offset++) {
		uint64_t product = offset * magic;

		if (((uint32_t)product < magic) != (offset % d == 0) ||
		    product >> 32 != offset / d)
			fail_msg("%llu divided by %u",
				 (unsigned long long)offset, d);
	}
}

static void
every_offset_is_divided_by_every_class(void **state)
{
	(void)state;
	for_each_slab_class(cls) check_divisor((uint32_t)class_size(cls));
	check_divisor(PAGE_BYTES);
}

static void
every_offset_is_divided_by_other_divisors_too(void **state)
{
	(void)state;
	for (uint32_t d = 2; d <= 64; d++)
		check_divisor(d);
	for (uint32_t d = 80; d <= 32768; d += 331)
		check_divisor(d);
	check_divisor(32768);
}

/* --- what the shapes are for --------------------------------------------------- */

/* Of random slots, one in twenty stays: pages that stay resident per slot. */
static double
pages_per_slot(unsigned cls)
{
	unsigned overlaps[SLAB_BYTES / PAGE_BYTES] = { 0 };
	double resident = 0;

	for (size_t i = 0; i < class_nslots(cls); i++) {
		size_t start = class_slot_offset(cls, i);
		size_t last = start + class_size(cls) - 1;

		for (size_t page = start / PAGE_BYTES;
		     page <= last / PAGE_BYTES; page++)
			overlaps[page]++;
	}
	for (size_t page = 0; page < COUNT_OF(overlaps); page++)
		resident += 1 - pow(0.95, overlaps[page]);
	return resident / (double)class_nslots(cls);
}

static void
one_small_block_in_twenty_keeps_less_than_four_times_its_bytes(void **state)
{
	double resident = 0, live = 0, per_slot[NCLASSES] = { 0 };

	(void)state;
	for_each_slab_class(cls) per_slot[cls] = pages_per_slot(cls);
	for (size_t n = 16; n <= 2048; n++) {
		live += 0.05 * (double)n;
		resident += per_slot[size_class(n)] * (double)PAGE_BYTES;
	}
	print_message("# resident: %.2f times the live bytes\n",
		      resident / live);
	assert_true(resident / live < 3.75);
}

static void
small_blocks_waste_a_sixteenth_on_average(void **state)
{
	double asked = 0, given = 0;

	(void)state;
	for (size_t n = 16; n <= 2048; n++) {
		asked += (double)n;
		given += (double)SLAB_BYTES /
			 (double)class_nslots(size_class(n));
	}
	print_message("# %.1f %% of slabs is not what was asked for\n",
		      100 * (given - asked) / given);
	assert_true((given - asked) / given < 0.07);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_pages_by_powers_of_two),
		cmocka_unit_test(a_group_is_the_least_that_leaves_little_over),
		cmocka_unit_test(up_to_2_kib_no_group_is_above_four_pages),
		cmocka_unit_test(
			a_slab_leaves_a_thirty_second_over_or_less_than_a_slot),
		cmocka_unit_test(every_slot_lies_where_it_is_laid_out),
		cmocka_unit_test(no_slot_reaches_over_the_end_of_its_group),
		cmocka_unit_test(mask_and_magic_know_every_first_byte),
		cmocka_unit_test(where_the_slab_lies_makes_no_difference),
		cmocka_unit_test(page_runs_begin_at_pages),
		cmocka_unit_test(no_address_is_a_block_of_no_class),
		cmocka_unit_test(every_offset_is_divided_by_every_class),
		cmocka_unit_test(every_offset_is_divided_by_other_divisors_too),
		cmocka_unit_test(
			one_small_block_in_twenty_keeps_less_than_four_times_its_bytes),
		cmocka_unit_test(small_blocks_waste_a_sixteenth_on_average),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
