/*
 * stats.h -- one snapshot of all floors.
 *
 * Above   control/report, control/ctl, api/glibc.c
 * Lock    each floor's own, one after the other
 * Always  exact while no thread allocates; while threads do, each number is
 *         right for its moment and no difference is allowed to be negative
 *
 *	mapped = active + dirty + clean		(our chunks)
 *	active = allocated + cached + quarantined + shelved + slab_free +
 *		 slab_away				(page runs)
 *	resident = active - slab_away + dirty - untouched + unaccounted
 *
 * The last line is the bill against the kernel; stats_ask_kernel() brings its
 * two last terms and `resident`. `untouched` is what our books take for
 * resident and the kernel does not: handed out or free, but never written by
 * anybody, or swapped out. `unaccounted` is what is left; where the kernel's
 * pages are larger than ours, also what lies beside used pages on them.
 */
#ifndef TRI_CONTROL_STATS_H
#define TRI_CONTROL_STATS_H

#include "../heap/guard.h"
#include "reclaim.h"

struct class_stats {
	size_t nslabs;
	size_t nlive;   /* blocks in the program's hands */
	size_t ncached; /* in thread caches */
	size_t nquarantined;
	size_t nfree; /* in slabs */
	size_t naway; /* pages of slabs that were given back */
	uint64_t nfills, nflushes;
	uint64_t nfilled, nflushed; /* blocks, in all of them */
	uint64_t nrefaults;         /* pages of slabs that came again */
	uint64_t nlock_waits;
};

struct stats {
	/* Bytes. */
	size_t allocated;   /* in the program's hands, whole blocks */
	size_t cached;      /* free, in thread caches */
	size_t quarantined; /* freed, and may not be used again yet */
	size_t shelved;     /* free page runs that wait for a tick */
	size_t slab_free;   /* free, in slabs: slots and the rest of a slab */
	size_t slab_away;   /* pages of slabs that were given back */
	size_t active;      /* page runs handed out */
	size_t dirty;       /* free pages not given back yet */
	size_t mapped;      /* all chunks */
	size_t metadata;    /* our records */
	size_t large;       /* page runs with the program or a cache */
	size_t nlarge;
	/* Free blocks in thread caches, and in slabs. */
	size_t cached_blocks, slab_free_blocks, quarantined_blocks;
	unsigned narenas;
	size_t nthreads; /* with a cache */
	bool has_trim_thread;
	uint64_t trim_cpu_ns;     /* of the trim thread */
	uint64_t now_ns;          /* when the snapshot was taken */
	uint64_t nrefaults;       /* pages taken again after they were purged */
	uint64_t nlock_waits;     /* locks that were not free at once */
	struct purge_stats purge; /* page runs and whole chunks */
	struct reclaim_stats reclaim;
	struct guard_stats guarded; /* in none of the sums */
	/* What the kernel says of our ranges; stats_ask_kernel() fills it. */
	bool has_residence;
	struct os_residence residence;
	size_t untouched;
	int64_t unaccounted;
	size_t metadata_resident; /* our records again, as the kernel sees them */
	struct class_stats classes[NCLASSES];
};

/*
 * The part of one arena. Cached blocks are those of its slabs and page runs,
 * whichever arena's thread holds them.
 */
struct arena_stats {
	unsigned index;
	size_t nthreads; /* that allocate from it */
	size_t allocated, cached, quarantined, shelved, slab_free, slab_away;
	size_t active, dirty, clean, mapped;
	size_t large_bytes, nlarge;
	uint64_t nrefaults, nlock_waits;
	struct purge_stats purge;
	struct class_stats classes[NCLASSES];
};

/* A thread's cache. */
struct thread_stats {
	int tid;
	unsigned arena;
	size_t cached;    /* bytes; 0 where it could not be looked into */
	uint64_t idle_ms; /* since a tick found it quiet; 0: it is not */
	uint64_t nfills, nflushes, ndrains;
	bool is_parked;
};

/* Live page runs of up to 2^i bytes, more than 2^(i-1). */
struct large_stats {
	size_t nblocks, bytes;
};

#define LARGE_POWERS 49u

struct snapshot {
	struct stats sum;
	size_t npooled;     /* free chunks that no arena owns */
	size_t pool_dirty;  /* bytes */
	uint64_t uptime_ms; /* of the library in this process */
	uint64_t time_ms;   /* since 1970 */
	uint64_t nminor_faults, nmajor_faults; /* of the whole process */
	int pid;
	unsigned narenas;
	struct arena_stats *arenas;
	size_t nthreads; /* those born meanwhile may be missing */
	struct thread_stats *threads;
	struct large_stats large[LARGE_POWERS];
	size_t bytes; /* of this record and what it points to */
};

/* Bytes in the pages of a class's slabs that are no slot's. */
size_t class_slack(unsigned cls, const struct class_stats *c);

/* Any thread, no lock held. */
void stats_take(struct stats *out);

/* Slow, see os_residence(): for reports. Any thread, no lock held. */
void stats_ask_kernel(struct stats *out);

/*
 * The same with all parts of the sums, in memory of the kernel's: NULL where
 * it has none. The kernel was not asked yet: stats_ask_kernel(&s->sum). Any
 * thread, no lock held.
 */
struct snapshot *snapshot_take(void);
void snapshot_free(struct snapshot *s);

/* The library's life begins. Once, at boot. */
void stats_boot(void);

#endif
