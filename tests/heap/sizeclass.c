/*
 * sizeclass.c -- the ladder of block sizes, for every size and every class.
 */
#include "heap/sizeclass.h"
#include "pages/region.h"
#include "unit.h"

/* The waste allowed for a request of n bytes in a block. */
static size_t
waste_allowed(size_t n, size_t block)
{
	/* Blocks are multiples of 16 bytes, whatever that wastes. */
	if (n <= 256)
		return 15;
	if (n <= 2 * KIB)
		return block / 6;
	/* Four classes in steps of one page. */
	if (n > 16 * KIB && n <= 32 * KIB)
		return block / 5;
	return block / 9;
}

static void
every_request_gets_the_least_block_that_holds_it(void **state)
{
	(void)state;
	assert_int_equal(size_class(0), size_class(1));
	for (size_t n = 1; n <= CLASS_SIZE_MAX; n++) {
		unsigned cls = size_class(n);

		if (cls < 1 || cls > CLASS_LARGE_MAX || class_size(cls) < n ||
		    class_size(cls - 1) >= n)
			fail_msg("%zu bytes get class %u", n, cls);
	}
}

static void
no_request_wastes_more_than_its_share(void **state)
{
	(void)state;
	for (size_t n = 1; n <= CLASS_SIZE_MAX; n++) {
		size_t block = class_size(size_class(n));

		if (block - n > waste_allowed(n, block))
			fail_msg("%zu bytes in a block of %zu", n, block);
	}
}

static void
above_80_bytes_a_fifth_of_a_block_is_the_most(void **state)
{
	(void)state;
	for (size_t n = 65; n <= CLASS_SIZE_MAX; n++) {
		size_t block = class_size(size_class(n));

		assert_true((block - n) * 5 <= block);
	}
}

/* Over sizes that are spread evenly over the octaves. */
static void
the_average_waste_is_well_below_the_bound(void **state)
{
	double wasted = 0, blocks = 0, n = 64;

	(void)state;
	while (n <= (double)CLASS_SIZE_MAX) {
		size_t block = class_size(size_class((size_t)n));

		wasted += (double)(block - (size_t)n) / (double)block;
		blocks++;
		n *= 1.001;
	}
	print_message("# average waste from 64 bytes to 1 MiB: %.1f %%\n",
		      100 * wasted / blocks);
	assert_true(wasted / blocks < 0.08);
}

static void
larger_classes_have_larger_blocks(void **state)
{
	(void)state;
	for (unsigned cls = 1; cls < CLASS_LARGE_MAX; cls++)
		assert_true(class_size(cls) < class_size(cls + 1));
	assert_int_equal(class_size(CLASS_NONE), 0);
	assert_int_equal(class_size(CLASS_RUN), 0);
	assert_int_equal(class_size(CLASS_LARGE_MAX), CLASS_SIZE_MAX);
}

static void
blocks_keep_the_alignment_of_their_kind(void **state)
{
	(void)state;
	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		if (class_is_slab(cls)) {
			assert_int_equal(class_size(cls) % QUANTUM_BYTES, 0);
			assert_true(class_size(cls) <= SLAB_SIZE_MAX);
		} else {
			assert_int_equal(class_size(cls) % PAGE_BYTES, 0);
			assert_true(class_size(cls) > SLAB_SIZE_MAX);
		}
	}
	assert_false(class_is_slab(CLASS_NONE));
	assert_false(class_is_slab(CLASS_RUN));
}

static void
powers_of_two_are_classes_of_their_own(void **state)
{
	(void)state;
	for (size_t n = QUANTUM_BYTES; n <= CLASS_SIZE_MAX; n *= 2)
		assert_int_equal(class_size(size_class(n)), n);
}

static void
the_page_map_can_name_every_class(void **state)
{
	(void)state;
	for (unsigned cls = 0; cls < NCLASSES; cls++) {
		assert_true(cls * CLASS_STRIDE <= UINT16_MAX);
		assert_int_equal(MAP_TO_CLASS(CLASS_TO_MAP(cls)), cls);
	}
}

/* --- what JVMs ask for ------------------------------------------------------- */

struct request {
	const char *who;
	size_t bytes;
};

/* HotSpot's arena chunks of JDK 17 and 25; what zlib takes per stream. */
static const struct request requests[] = {
	{ "JDK 17 arena, tiny", 232 },
	{ "JDK 17 arena, init", 1000 },
	{ "JDK 17 arena, medium", 10216 },
	{ "JDK 17 arena", 32744 },
	{ "JDK 25 arena, tiny", 240 },
	{ "JDK 25 arena, init", 1008 },
	{ "JDK 25 arena, medium", 10224 },
	{ "JDK 25 arena", 32752 },
	{ "zlib stream", 112 },
	{ "deflate state", 5952 },
	{ "inflate state", 7160 },
	{ "inflate window", 32768 },
	{ "deflate window", 65536 },
};

/* Native Memory Tracking's header and footer. */
#define NMT_BYTES 18

static void
check_request(const char *who, const char *with, size_t n)
{
	size_t block = class_size(size_class(n));

	print_message("# %-20s %-8s %6zu in %6zu: %4.1f %% waste\n", who, with,
		      n, block, 100.0 * (double)(block - n) / (double)block);
	assert_true(block - n <= waste_allowed(n, block));
}

static void
requests_of_hotspot_and_zlib_waste_no_more_than_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		size_t n = requests[i].bytes;

		check_request(requests[i].who, "", n);
		check_request(requests[i].who, "with NMT", n + NMT_BYTES);
	}
}

/* --- alignment ------------------------------------------------------------------- */

/* Of every slot in a slab; of any page where the class is one of runs. */
static size_t
alignment_of(unsigned cls)
{
	size_t all = SLAB_BYTES;

	if (!class_is_slab(cls))
		return PAGE_BYTES;
	for (size_t i = 0; i < class_nslots(cls); i++)
		all |= class_slot_offset(cls, i);
	return all & -all;
}

/* Class by class, from the least. */
static unsigned
slow_class_aligned(size_t size, size_t alignment)
{
	static size_t alignments[NCLASSES];

	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		if (alignments[cls] == 0)
			alignments[cls] = alignment_of(cls);
		if (class_size(cls) >= size && alignments[cls] >= alignment)
			return cls;
	}
	return CLASS_RUN;
}

static void
check_aligned(size_t size)
{
	for (size_t a = 1; a <= 16 * MIB; a *= 2) {
		unsigned cls = size_class_aligned(size, a);

		if (cls != slow_class_aligned(size, a))
			fail_msg("%zu bytes at multiples of %zu: class %u",
				 size, a, cls);
	}
}

static void
the_least_class_with_an_alignment_is_found(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 40000; n++)
		check_aligned(n);
	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		check_aligned(class_size(cls) - 1);
		check_aligned(class_size(cls));
		check_aligned(class_size(cls) + 1);
	}
}

static void
sizes_above_all_classes_are_runs_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(size_class_aligned(CLASS_SIZE_MAX + 1, 1), CLASS_RUN);
	assert_int_equal(size_class_aligned(SIZE_MAX, 1), CLASS_RUN);
	assert_int_equal(size_class_aligned(1, (size_t)1 << 63), CLASS_RUN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_request_gets_the_least_block_that_holds_it),
		cmocka_unit_test(no_request_wastes_more_than_its_share),
		cmocka_unit_test(above_80_bytes_a_fifth_of_a_block_is_the_most),
		cmocka_unit_test(the_average_waste_is_well_below_the_bound),
		cmocka_unit_test(larger_classes_have_larger_blocks),
		cmocka_unit_test(blocks_keep_the_alignment_of_their_kind),
		cmocka_unit_test(powers_of_two_are_classes_of_their_own),
		cmocka_unit_test(the_page_map_can_name_every_class),
		cmocka_unit_test(
			requests_of_hotspot_and_zlib_waste_no_more_than_others),
		cmocka_unit_test(the_least_class_with_an_alignment_is_found),
		cmocka_unit_test(sizes_above_all_classes_are_runs_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
