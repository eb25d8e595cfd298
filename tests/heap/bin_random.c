/*
 * bin_random.c -- two bins in a random order of everything that can be done to
 * them, also while slabs are held by a purge; no block is lost, handed out
 * twice, or changed.
 *
 * purge_ranges() is wrapped at link time: what it is given reads as zero when
 * it returns, or is refused, and meanwhile everything goes on.
 */
#include <inttypes.h>

#include "heap/bins.h"

#define ROUNDS 10000u

/* Live blocks of a bin at most, in slabs, and half a slab more or less. */
#define LIVE_SLABS 10u
#define SLOTS_MAX  (SLAB_BYTES / QUANTUM_BYTES)
#define LIVE_MAX   (LIVE_SLABS * SLOTS_MAX)

/* Blocks out of each bin; their first and last words say whose they are. */
static void *live[2][LIVE_MAX];
static size_t nlive[2];
static uint64_t luck;
static size_t npurges, nrefusals;

/* --- contents ------------------------------------------------------------------ */

static uint64_t *
last_word(void *p)
{
	return (uint64_t *)p + class_size(cls) / 8 - 1;
}

static void
sign(void *p)
{
	for (uint64_t *w = p; w <= last_word(p); w++)
		*w = (uintptr_t)w;
}

static void
expect_signed(void *p)
{
	for (uint64_t *w = p; w <= last_word(p); w++)
		assert_int_equal(*w, (uintptr_t)w);
}

/* --- what may happen at any time -------------------------------------------------- */

static struct bin *
bin_at(unsigned which)
{
	return which ? &other : &bin;
}

static size_t
at_once(void)
{
	return 1 + random_below(&luck, class_nslots(cls) / 2);
}

static void
fill_some(unsigned which)
{
	size_t n = at_once(), got;
	void **out = live[which] + nlive[which];

	if (nlive[which] + n > LIVE_SLABS * class_nslots(cls))
		return;
	got = bin_fill(bin_at(which), &heap, cls, out, n);
	assert_in_range(got, 1, n);
	for (size_t i = 0; i < got; i++) {
		assert_ptr_equal(slab_find(out[i])->bin, bin_at(which));
		sign(out[i]);
	}
	nlive[which] += got;
}

/* Neighbours often die together, which leaves whole pages free. */
static size_t
pull_live(unsigned which, void **out)
{
	size_t n = min_size(at_once(), nlive[which]);
	size_t at = random_below(&luck, nlive[which] - n + 1);

	for (size_t i = 0; i < n; i++) {
		out[i] = live[which][at + i];
		expect_signed(out[i]);
		memset(out[i], 0xdd, class_size(cls));
	}
	memmove(live[which] + at, live[which] + at + n,
		(nlive[which] - at - n) * sizeof(void *));
	nlive[which] -= n;
	return n;
}

/* Blocks of both bins, mixed. */
static void
flush_some(void)
{
	void *out[SLOTS_MAX];
	size_t n = 0;

	if (nlive[0] > 0)
		n = pull_live(0, out);
	if (nlive[1] > 0 && random_below(&luck, 2))
		n += pull_live(1, out + n);
	for (size_t i = n; i > 1; i--) {
		size_t k = random_below(&luck, i);
		void *p = out[k];

		out[k] = out[i - 1];
		out[i - 1] = p;
	}
	bin_flush(out, n);
}

static void
do_something(void)
{
	size_t what = random_below(&luck, 24);

	if (what < 10)
		fill_some(what & 1);
	else if (what < 22)
		flush_some();
	else
		bin_trim(bin_at(what & 1), random_below(&luck, 4) != 0);
}

static size_t
check_both(void)
{
	return check_bin(&bin, nlive[0]) + check_bin(&other, nlive[1]);
}

/* --- a purge, and what happens meanwhile ------------------------------------------- */

size_t __wrap_purge_ranges(const struct os_range *ranges, size_t n,
			   struct purge_stats *to);
size_t __real_purge_ranges(const struct os_range *ranges, size_t n,
			   struct purge_stats *to);

/* From the first on as many as will; the others are refused. */
size_t
__wrap_purge_ranges(const struct os_range *ranges, size_t n,
		    struct purge_stats *to)
{
	size_t most = random_below(&luck, 3) ? n : random_below(&luck, n + 1);

	npurges++;
	nrefusals += most < n;
	assert_true(check_both() > 0);
	for (size_t i = random_below(&luck, 8); i > 0; i--) {
		do_something();
		check_both();
	}
	return most == 0 ? 0 : __real_purge_ranges(ranges, most, to);
}

static void
purge(unsigned which)
{
	static struct purge_stats stats;

	bin_purge(bin_at(which), (unsigned)random_below(&luck, 4), &stats);
	assert_int_equal(check_both(), 0);
}

static void
check_resident(const struct bin *b)
{
	for (unsigned i = 0; i < BIN_NLISTS; i++) {
		for (struct list_node *n = b->lists[i].first; n != NULL;
		     n = n->next)
			check_away(list_entry(n, struct slab, link));
	}
}

/* --- all of it ---------------------------------------------------------------------- */

static void
end_rounds(void)
{
	while (nlive[0] + nlive[1] > 0)
		flush_some();
	bin_trim(&bin, false);
	bin_trim(&other, false);
	assert_int_equal(check_both(), 0);
	assert_int_equal(bin.nslabs + other.nslabs, 0);
	assert_int_equal(bin.nyoung + other.nyoung, 0);
	assert_int_equal(bin.naway + other.naway, 0);
	assert_int_equal(bin_nyoung(), 0);
	assert_int_equal(heap.nused, 0);
}

static void
rounds(size_t size)
{
	cls = size_class(size);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (random_below(&luck, 6) == 0)
			purge((unsigned)random_below(&luck, 2));
		else
			do_something();
		check_both();
		if (i % 64 == 0)
			check_resident(bin_at(i / 64 & 1));
	}
	print_message("# %zu bytes: %zu purges, %zu refused in part; "
		      "%" PRIu64 " pages taken again\n",
		      size, npurges, nrefusals,
		      bin.nrefaults + other.nrefaults);
	/* A slab that is one page of the kernel's goes as a whole, or not. */
	if ((size_t)sysconf(_SC_PAGESIZE) < SLAB_BYTES) {
		assert_true(npurges > 0);
		assert_true(nrefusals > 0);
		assert_true(bin.nrefaults + other.nrefaults > 0);
	}
	end_rounds();
}

#define SIZE(n)                                        \
	static void blocks_of_##n##_are_not_lost(void) \
	{                                              \
		luck = random_seed();                  \
		rounds(n);                             \
	}
SIZE(16)
SIZE(112)
SIZE(400)
SIZE(1360)
SIZE(2304)
SIZE(4096)
SIZE(6144)
SIZE(14336)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(blocks_of_16_are_not_lost),
		alone(blocks_of_112_are_not_lost),
		alone(blocks_of_400_are_not_lost),
		alone(blocks_of_1360_are_not_lost),
		alone(blocks_of_2304_are_not_lost),
		alone(blocks_of_4096_are_not_lost),
		alone(blocks_of_6144_are_not_lost),
		alone(blocks_of_14336_are_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
