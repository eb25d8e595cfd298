/*
 * ctl_stats.h -- the figures of stats.*, as jemalloc's manual means them.
 *
 * Above   ctl_table.c (where each stands), ctl_stats.c
 * Lock    LOCK_CTL for what ctl_view_lock() returns
 * Always  allocated <= active <= resident; all numbers have 8 bytes, so that
 *         a row of the table is but an offset
 *
 * active: page runs with a block or a free slot of a cache or a slab on
 * resident pages. dirty: free pages that did not go back yet, those on shelves
 * as well. mapped: both. retained: address space whose pages went back.
 */
#ifndef TRI_CONTROL_CTL_STATS_H
#define TRI_CONTROL_CTL_STATS_H

#include "ctl_row.h"
#include "stats.h"

struct ctl_bin {
	uint64_t nmalloc, ndalloc; /* blocks that left slabs, and came back */
	uint64_t nfills, nflushes;
	uint64_t nslabs;          /* ever made */
	size_t curregs;           /* slots out of slabs: cached ones as well */
	size_t curslabs, nonfull; /* with a free slot and a used one */
	uint64_t nlock_waits;
};

/* The classes of large blocks are powers of two, from the first to the last. */
#define CTL_LEXTENT_FIRST 15u
#define CTL_NLEXTENTS     (LARGE_POWERS - CTL_LEXTENT_FIRST)

/* An arena's, and those of all of them. */
struct ctl_arena {
	size_t nthreads;
	uint64_t uptime_ns;
	size_t pactive, pdirty; /* pages */
	size_t mapped, retained, resident, base, tcache_bytes;
	uint64_t dirty_npurge, dirty_nmadvise, dirty_purged;
	struct ctl_sizes {
		size_t allocated;
		uint64_t nmalloc, ndalloc, nfills, nflushes;
	} small, large;
	struct ctl_bin bins[CLASS_SLAB_MAX];
};

struct ctl_view {
	size_t bytes; /* of the whole record */
	size_t active, resident, mapped, retained;
	size_t num_threads, run_interval_ns; /* of the trim thread */
	uint64_t uptime_ms;
	struct stats sum;
	size_t lextents[CTL_NLEXTENTS];
	unsigned narenas;
	struct ctl_arena arenas[]; /* one more than there are: all of them */
};

#endif
