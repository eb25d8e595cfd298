/*
 * stats.h -- one snapshot of all floors.
 *
 * Above   control/report, api/glibc.c
 * Lock    each floor's own, one after the other
 * Always  exact while no thread allocates; while threads do, each number is
 *         right for its moment and no difference is allowed to be negative
 *
 *	mapped = active + dirty + clean		(our chunks)
 *	active = allocated + cached + shelved + slab_free + slab_away
 *							(page runs)
 *	resident: active - slab_away + dirty, less what was never touched
 */
#ifndef TRI_CONTROL_STATS_H
#define TRI_CONTROL_STATS_H

#include "../heap/sizeclass.h"
#include "reclaim.h"

struct class_stats {
	size_t nslabs;
	size_t nlive;   /* blocks in the program's hands */
	size_t ncached; /* in thread caches */
	size_t nfree;   /* in slabs */
	size_t naway;   /* pages of slabs that were given back */
	uint64_t nfills, nflushes;
};

struct stats {
	/* Bytes. */
	size_t allocated; /* in the program's hands, whole blocks */
	size_t cached;    /* free, in thread caches */
	size_t shelved;   /* free page runs that wait for a tick */
	size_t slab_free; /* free, in slabs: slots and the rest of a slab */
	size_t slab_away; /* pages of slabs that were given back */
	size_t active;    /* page runs handed out */
	size_t dirty;     /* free pages not given back yet */
	size_t mapped;    /* all chunks */
	size_t metadata;  /* our records */
	size_t large;     /* page runs with the program or a cache */
	size_t nlarge;
	/* Free blocks in thread caches, and in slabs. */
	size_t cached_blocks, slab_free_blocks;
	unsigned narenas;
	size_t nthreads; /* with a cache */
	bool has_trim_thread;
	uint64_t trim_cpu_ns;     /* of the trim thread */
	uint64_t now_ns;          /* when the snapshot was taken */
	uint64_t nrefaults;       /* pages taken again after they were purged */
	struct purge_stats purge; /* page runs and whole chunks */
	struct reclaim_stats reclaim;
	/* What the kernel says of our ranges; stats_ask_kernel() fills it. */
	bool has_residence;
	struct os_residence residence;
	struct class_stats classes[NCLASSES];
};

/* Any thread, no lock held. */
void stats_take(struct stats *out);

/* Slow, see os_residence(): for reports. Any thread, no lock held. */
void stats_ask_kernel(struct stats *out);

#endif
