/*
 * fork.pml -- fork from a process in which threads allocate, a thread drains
 * and purges, and a thread of the library's is being made.
 *
 * The forking thread is fork.c: fork_prepare() takes server_lock(),
 * reclaim_lock() (LOCK_RELIEF, LOCK_TRIM), thread_hold_all() (LOCK_ROUND,
 * LOCK_THREADS, every cache's lock, then all caches closed by one membarrier),
 * explicit_hold_all() and arena_hold() (like the next ones), hold_arenas()
 * (bins, page heaps), and the pool's, meta's and mallctl's locks, which are as
 * the page heap's: taken last, and nothing is taken under them. fork_parent()
 * drops them in the order of the code; fork_child() does so in its copy and
 * then buries the other threads' caches (thread_child_release(), bury()):
 * empties those that were parked, and no others.
 *
 * The threads: an owner with its fast path (cache_enter(), cache_leave()) and
 * slow path (cache_lock_own(), bin_fill() under the bin's lock, a page run
 * under the page heap's), or past its cache (direct_alloc()), which forks as
 * well or relieves (reclaim_relieve()).
 * The trim thread: server_start() under LOCK_SERVER, then ticks
 * (reclaim_tick()): drain_caches() by rounds of visits (thread_begin_round(),
 * thread_visit()), and bin_purge() under LOCK_TRIM, which claims under the
 * bin's lock, calls the kernel without it, and settles under it again. The
 * server thread does the same, for malloc_trim's sake: reclaim_now().
 *
 * Memory orders are those of drain.pml and drain_weak.pml; here the protocol
 * of the closed cache is written without them: an interrupt and two words.
 *
 * Checked, when the process is copied: the copying thread holds every lock; no
 * slab is held by a purge; no thread of ours is half made, with libc's locks
 * taken; no bin and no page heap is half changed. In the copy: every lock is
 * free when fork_child() is over, and no cache that it empties is half
 * changed. And nobody waits for ever, with two threads that fork at once.
 *
 * Broken variants, each of which tests/model/models.tap must find out:
 *	-DNO_TRIM	prepare does not take LOCK_TRIM
 *	-DNO_SERVER	prepare does not take LOCK_SERVER
 *	-DNO_BIN	prepare does not take the bins' locks
 *	-DWRONG_ORDER	prepare takes LOCK_ROUND when it has the caches
 *	-DNO_CLOSE	prepare closes no cache and the child trusts them all
 *	-DTRUST_BUSY	a cache counts as at rest though its owner was busy
 *	-DFORGET	the child does not drop LOCK_TRIM
 *	-DPURGE_BARE	a purge drops LOCK_TRIM for the call of the kernel
 */

#define NOWNERS 2
#define NOBODY	255

/* Locks, ranks rising; the caches' are CACHE and CACHE + 1. */
#define SERVER	0
#define RELIEF	1
#define TRIM	2
#define ROUND	3
#define THREADS 4
#define CACHE	5
#define BIN	7
#define PAGES	8
#define NLOCKS	9

byte lock[NLOCKS] = NOBODY;

bool busy[NOWNERS];
bool is_closed[NOWNERS];	/* the anchor points at the closed cache */
bool parked[NOWNERS];

/* Half changed, at this moment. */
bool torn_cache[NOWNERS], torn_bin, torn_pages, torn_queue;
bool is_held;			/* a slab, by a purge */
bool is_half_made;		/* a thread */

inline acquire(which) {
	atomic { lock[which] == NOBODY -> lock[which] = _pid }
}

inline release(which) {
	atomic { assert(lock[which] == _pid); lock[which] = NOBODY }
}

inline change(what) {
	atomic { assert(!what); what = true; };
	what = false
}

/* --- the threads of the program ------------------------------------------------ */

inline fast_path() {
	busy[me] = true;
	if
	:: !is_closed[me] -> change(torn_cache[me])
	:: else
	fi;
	busy[me] = false
}

/* direct_alloc(): a thread that has no cache, or a block that no cache keeps. */
inline direct() {
	acquire(BIN);
	change(torn_bin);
	release(BIN);
	acquire(PAGES);
	change(torn_pages);
	release(PAGES)
}

inline slow_path() {
	acquire(CACHE + me);
	if
	:: parked[me] -> parked[me] = false; is_closed[me] = false
	:: else
	fi;
	change(torn_cache[me]);
	direct();
	release(CACHE + me)
}

/* --- birth and death ------------------------------------------------------------- */

/*
 * link_cache() and unlink_cache(): birth_death.pml has what hangs on them. Here
 * they are somebody else who wants LOCK_THREADS while he holds no other.
 */
inline birth_or_death() {
	acquire(THREADS);
	change(torn_queue);
	release(THREADS)
}

/* --- drain and purge -------------------------------------------------------------- */

/* cache_close(), the drain's work, cache_open() or not. */
inline visit(r) {
	if
	:: parked[r] -> change(torn_cache[r])
	:: else ->
		is_closed[r] = true;
		if
		:: busy[r] -> is_closed[r] = false
		:: else ->
			parked[r] = true;
			change(torn_cache[r]);
			if
			:: true
			:: parked[r] = false; is_closed[r] = false
			fi
		fi
	fi
}

inline drain() {
	acquire(ROUND);
	r = 0;
	do
	:: r < NOWNERS ->
		acquire(THREADS);
		acquire(CACHE + r);
		release(THREADS);
		/* The caller's own needs no closing. */
		if
		:: r == me -> change(torn_cache[r])
		:: else -> visit(r)
		fi;
		release(CACHE + r);
		r++
	:: else -> r = 0; break
	od;
	release(ROUND)
}

inline purge() {
	acquire(TRIM);
	acquire(BIN);
	is_held = true;
	release(BIN);
#ifdef PURGE_BARE
	release(TRIM);
	acquire(TRIM);
#endif
	acquire(BIN);
	is_held = false;
	change(torn_bin);
	release(BIN);
	acquire(PAGES);
	change(torn_pages);
	release(PAGES);
	release(TRIM)
}

/* --- fork -------------------------------------------------------------------------- */

inline close_all() {
#ifndef NO_CLOSE
	is_closed[1 - me] = true;
	/* The membarrier; is_busy(). */
#ifdef TRUST_BUSY
	parked[1 - me] = true
#else
	parked[1 - me] = parked[1 - me] || !busy[1 - me]
#endif
#else
	skip
#endif
}

inline prepare() {
#ifndef NO_SERVER
	acquire(SERVER);
#endif
	acquire(RELIEF);
#ifndef NO_TRIM
	acquire(TRIM);
#endif
#ifndef WRONG_ORDER
	acquire(ROUND);
#endif
	acquire(THREADS);
	acquire(CACHE);
	acquire(CACHE + 1);
#ifdef WRONG_ORDER
	acquire(ROUND);
#endif
	close_all();
#ifndef NO_BIN
	acquire(BIN);
#endif
	acquire(PAGES)
}

/* The copy, and what the child does with it, of which nobody sees a thing. */
inline copy() {
	d_step {
		assert(!is_held);
		assert(!is_half_made);
		assert(!torn_bin && !torn_pages && !torn_queue);
		assert(!torn_cache[me]);
		/* fork_child(): all that prepare took, another's stay. */
		i = 0;
		do
		:: i < NLOCKS ->
			freed[i] = lock[i] == _pid || lock[i] == NOBODY;
			i++
		:: else -> break
		od;
		i = 0;
#ifdef FORGET
		freed[TRIM] = false;
#endif
		assert(freed[SERVER] && freed[RELIEF] && freed[TRIM] &&
		       freed[ROUND] && freed[THREADS] && freed[CACHE] &&
		       freed[CACHE + 1] && freed[BIN] && freed[PAGES]);
		/* bury() */
#ifdef NO_CLOSE
		assert(!torn_cache[1 - me]);
#else
		assert(!parked[1 - me] || !torn_cache[1 - me]);
#endif
		freed[0] = false; freed[1] = false; freed[2] = false;
		freed[3] = false; freed[4] = false; freed[5] = false;
		freed[6] = false; freed[7] = false; freed[8] = false
	}
}

inline parent() {
	release(PAGES);
#ifndef NO_BIN
	release(BIN);
#endif
	/* thread_release_all() */
	if
	:: !parked[1 - me] -> is_closed[1 - me] = false
	:: else
	fi;
	release(CACHE);
	release(CACHE + 1);
	release(THREADS);
	release(ROUND);
#ifndef NO_TRIM
	release(TRIM);
#endif
	release(RELIEF);
#ifndef NO_SERVER
	release(SERVER)
#endif
}

/* --- who does what ------------------------------------------------------------------- */

proctype owner(byte me) {
	byte i, r;
	bool freed[NLOCKS];

	do
	:: fast_path()
	:: slow_path()
	:: direct()
	:: birth_or_death()
	:: prepare(); copy(); parent()
	:: acquire(RELIEF); drain(); purge(); release(RELIEF)
	:: break
	od
}

/* me: no cache of its own. */
proctype trim_thread() {
	byte r, me = NOBODY;

	/* server_start() */
	acquire(SERVER);
	is_half_made = true;
	is_half_made = false;
	release(SERVER);
	do
	:: drain()
	:: purge()
	:: break
	od
}

init {
	atomic {
		run owner(0);
		run owner(1);
		run trim_thread()
	}
}
