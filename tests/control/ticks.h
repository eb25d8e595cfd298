/*
 * ticks.h -- time, memory limits and loads, as a test wants them.
 *
 * os_now_ns(), os_memory() and os_memory_stall_us() are wrapped at link time:
 * time stands still, the limit is where a test puts it, and a tick is a call.
 *
 * Above   the tests of control/reclaim
 * Lock    none
 * Always  one program includes it once: it defines the wrapped functions
 */
#ifndef TESTS_CONTROL_TICKS_H
#define TESTS_CONTROL_TICKS_H

#include "base/options.h"
#include "cache/floor.h"
#include "control/reclaim.h"
#include "control/stats.h"

/* 1,024 bytes: four slots to a page. */
#define CLS size_class(1024)

/* Whole chunks, and enough of them to be felt. */
#define MUCH (5 * (size_t)CHUNK_NPAGES)

static_assert(MUCH > DECAY_NOISE, "it matters when it is taken again");

/* --- time and limits --------------------------------------------------------------- */

uint64_t __wrap_os_now_ns(void);
bool __wrap_os_memory(unsigned percent, struct os_memory *out);
uint64_t __wrap_os_memory_stall_us(void);

static _Atomic uint64_t now_ns = 1000000 * NS_PER_MS;

static struct {
	struct os_memory memory; /* a limit of 0: there is none */
	uint64_t stall_us;
	unsigned percent; /* as it was asked for */
	unsigned nlooks, nstall_looks;
} group;

uint64_t
__wrap_os_now_ns(void)
{
	return atomic_load(&now_ns);
}

bool
__wrap_os_memory(unsigned percent, struct os_memory *out)
{
	group.nlooks++;
	group.percent = percent;
	*out = group.memory;
	return group.memory.limit > 0;
}

uint64_t
__wrap_os_memory_stall_us(void)
{
	group.nstall_looks++;
	return group.stall_us;
}

/* A group of 1,000 MiB that uses so many; pressure begins with 900. */
MAYBE_UNUSED static void
use_mib(size_t mib)
{
	group.memory = (struct os_memory){ mib * MIB, 900 * MIB, 1000 * MIB };
}

MAYBE_UNUSED static bool
tick(void)
{
	atomic_fetch_add(&now_ns, 250 * NS_PER_MS);
	return reclaim_tick(true);
}

MAYBE_UNUSED static void
tick_times(unsigned n)
{
	while (n-- > 0)
		tick();
}

MAYBE_UNUSED static struct reclaim_stats
stats(void)
{
	struct reclaim_stats s;

	reclaim_stats(&s);
	return s;
}

/* --- loads ------------------------------------------------------------------------- */

/* A page run, freed: `npages` dirty pages, and one in use beside them. */
MAYBE_UNUSED static char *
soil(size_t npages)
{
	bool is_zero;
	char *p = pageheap_alloc(&arenas[0].pages, npages, 1, &is_zero);

	assert_non_null(p);
	assert_non_null(pageheap_alloc(&arenas[0].pages, 1, 1, &is_zero));
	memset(p, 1, npages * PAGE_BYTES);
	pageheap_free(p, npages);
	return p;
}

/* The same place is used and freed once more. */
MAYBE_UNUSED static void
soil_again(char *p, size_t npages)
{
	bool is_zero;

	assert_ptr_equal(pageheap_alloc(&arenas[0].pages, npages, 1, &is_zero),
			 p);
	memset(p, 1, npages * PAGE_BYTES);
	pageheap_free(p, npages);
}

#define SLABS_MAX 512u

static void *slots[SLABS_MAX * 64];

MAYBE_UNUSED static size_t
fill_slots(size_t n)
{
	size_t got = 0, more = 1;

	for (; got < n && more > 0; got += more)
		more = bin_fill(&arenas[0].bins[CLS], &arenas[0].pages, CLS,
				slots + got, n - got);
	assert_int_equal(got, n);
	return got;
}

/* Slabs with a used slot each, the first one; where the first slab begins. */
MAYBE_UNUSED static char *
scatter(size_t nslabs)
{
	size_t n = fill_slots(nslabs * 64), rest = 0;
	char *first = slots[0];

	for (size_t i = 0; i < n; i++) {
		memset(slots[i], 1, 1024);
		if ((uintptr_t)slots[i] % SLAB_BYTES != 0)
			slots[rest++] = slots[i];
	}
	assert_int_equal(rest, nslabs * 63);
	bin_flush(slots, rest);
	return first;
}

MAYBE_UNUSED static size_t
resident_in_slab(const char *slab)
{
	return resident_pages(slab, SLAB_NPAGES);
}

/* The stack ends with another block each time: something happened to it. */
MAYBE_UNUSED static void
keep_some(void *arg)
{
	static _Atomic unsigned nth;
	size_t last = atomic_fetch_add(&nth, 1) % 100;
	void *p[100];

	(void)arg;
	for (size_t i = 0; i < 100; i++)
		p[i] = block_alloc(CLS);
	for (size_t i = 0; i < 100; i++) {
		if (i != last)
			block_free(p[i], CLS);
	}
	block_free(p[last], CLS);
}

MAYBE_UNUSED static size_t
cached_bytes(void)
{
	static struct stats s;

	stats_take(&s);
	return s.cached;
}

#endif
