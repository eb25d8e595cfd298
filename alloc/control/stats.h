/*
 * stats.h -- one snapshot of all floors.
 *
 * Above   control/report, api/glibc.c
 * Lock    each floor's own, one after the other
 * Always  exact while no thread allocates; while threads do, each number is
 *         right for its moment and no difference is allowed to be negative
 *
 *	mapped = active + dirty + clean		(our chunks)
 *	active = allocated + cached + shelved + slab_free	(page runs)
 */
#ifndef TRI_CONTROL_STATS_H
#define TRI_CONTROL_STATS_H

#include "../heap/sizeclass.h"
#include "../pages/pagepool.h"

struct class_stats {
	size_t nslabs;
	size_t nlive;   /* blocks in the program's hands */
	size_t ncached; /* in thread caches */
	size_t nfree;   /* in slabs */
	uint64_t nfills, nflushes;
};

struct stats {
	/* Bytes. */
	size_t allocated; /* in the program's hands, whole blocks */
	size_t cached;    /* free, in thread caches */
	size_t shelved;   /* free page runs that wait for a tick */
	size_t slab_free; /* free, in slabs: slots and the rest of a slab */
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
	uint64_t ndrains, nticks, nforced;
	bool has_trim_thread;
	struct purge_stats purge;
	struct class_stats classes[NCLASSES];
};

/* Any thread, no lock held. */
void stats_take(struct stats *out);

#endif
