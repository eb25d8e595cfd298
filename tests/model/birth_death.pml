/*
 * birth_death.pml -- a thread's cache is born and dies while others visit all
 * caches (alloc/cache/thread.c) or hold them all for a fork.
 *
 * In the code: make_cache() and link_cache(); thread_death() with
 * unlink_cache(), cache_empty() and meta_free(); thread_visit(); cache_lock_own()
 * (tcache.c); thread_hold_all() and thread_release_all(). LOCK_ROUND, which
 * keeps two rounds of visits and a fork apart, is left out: what holds for
 * visitors that run freely holds for those in turn.
 *
 * Birth: take a record, put the cache on the queue under LOCK_THREADS.
 * Death: take it off the queue under LOCK_THREADS, then take its lock, then
 * give the record back, which the next birth may take. A visit finds a cache
 * on the queue under LOCK_THREADS, takes its lock, drops LOCK_THREADS, uses
 * the cache, drops its lock. The owner's slow path takes the cache's lock
 * alone. A fork takes LOCK_THREADS and all caches' locks in turn.
 *
 * Checked: nobody ever holds the lock of a record that is nobody's cache,
 * what is used is used by one at a time, and nobody waits for ever.
 *
 * Broken variants, each of which tests/model/models.tap must find out:
 *	-DUNLINK_LATE	 death gives the record back before it leaves the queue
 *	-DNO_WAIT	 death does not take the cache's lock
 *	-DHAND_OVER	 a visit drops LOCK_THREADS before it has the cache's
 *	-DWRONG_ORDER	 death holds the cache's lock when it leaves the queue
 */

#define NRECORDS 2
#define NOBODY	 255

/* Locks: who holds them. */
byte threads_lock = NOBODY;
byte cache_lock[NRECORDS] = NOBODY;

/* Records: a cache lives in it; it is on the queue; somebody uses it. */
bool alive[NRECORDS];
bool queued[NRECORDS];
byte users[NRECORDS];

inline acquire(lock) {
	atomic { lock == NOBODY -> lock = _pid }
}

inline release(lock) {
	atomic { assert(lock == _pid); lock = NOBODY }
}

inline use(r) {
	assert(alive[r]);
	users[r]++;
	assert(users[r] == 1);
	users[r]--
}

/* A record of nobody's; the allocator of records has a lock of its own. */
inline take_record(r) {
	atomic {
		if
		:: !alive[0] -> r = 0
		:: !alive[1] -> r = 1
		fi;
		alive[r] = true
	}
}

proctype thread() {
	byte r;
end:	do
	:: take_record(r);
	   acquire(threads_lock);
	   queued[r] = true;
	   release(threads_lock);
	   /* A life of slow paths. */
	   do
	   :: acquire(cache_lock[r]);
	      use(r);
	      release(cache_lock[r])
	   :: break
	   od;
#ifdef WRONG_ORDER
	   acquire(cache_lock[r]);
	   acquire(threads_lock);
	   queued[r] = false;
	   release(threads_lock);
#else
#ifndef UNLINK_LATE
	   acquire(threads_lock);
	   queued[r] = false;
	   release(threads_lock);
#endif
#ifndef NO_WAIT
	   acquire(cache_lock[r]);
#endif
#endif
	   use(r);
#ifndef NO_WAIT
	   release(cache_lock[r]);
#endif
	   alive[r] = false;
#ifdef UNLINK_LATE
	   acquire(threads_lock);
	   queued[r] = false;
	   release(threads_lock);
#endif
	   r = 0
	od
}

proctype visitor() {
	byte r;
end:	do
	:: acquire(threads_lock);
	   if
	   :: queued[0] -> r = 0
	   :: queued[1] -> r = 1
	   :: else -> r = NOBODY
	   fi;
	   if
	   :: r == NOBODY -> release(threads_lock)
	   :: else ->
#ifdef HAND_OVER
		release(threads_lock);
		acquire(cache_lock[r]);
#else
		acquire(cache_lock[r]);
		release(threads_lock);
#endif
		use(r);
		release(cache_lock[r])
	   fi;
	   r = 0
	od
}

proctype forker() {
	bool held[NRECORDS];
end:	do
	:: acquire(threads_lock);
	   if
	   :: queued[0] -> acquire(cache_lock[0]); held[0] = true
	   :: else
	   fi;
	   if
	   :: queued[1] -> acquire(cache_lock[1]); held[1] = true
	   :: else
	   fi;
	   /* The process is copied here: nobody else uses a cache. */
	   if
	   :: held[0] -> use(0); release(cache_lock[0]); held[0] = false
	   :: else
	   fi;
	   if
	   :: held[1] -> use(1); release(cache_lock[1]); held[1] = false
	   :: else
	   fi;
	   release(threads_lock)
	od
}

init {
	atomic {
		run thread();
		run thread();
		run visitor();
		run visitor();
		run forker()
	}
}
