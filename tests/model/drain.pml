/*
 * drain.pml -- the drain protocol of alloc/cache/tcache.h, with the owner's
 * and the drainer's store buffers written out (x86-TSO).
 *
 * The owner runs its fast path again and again:
 *
 *	busy = 1; c = anchor.cache; ... use c ...; busy = 0
 *
 * and where it finds the closed cache its slow path: take cache->lock, open
 * the cache if it is parked, use it, drop the lock. The drainer takes the
 * lock, closes, calls membarrier, looks at busy, uses the cache where it may,
 * and leaves it parked or opens it again.
 *
 * A store goes into its thread's buffer and reaches memory later, in order; a
 * load takes the thread's own youngest buffered store, or else memory. Locked
 * instructions wait until the thread's buffer is empty. membarrier waits for
 * both buffers: the caller's own, and the owner's by an interrupt on its CPU.
 *
 * In the code: cache_enter() and cache_leave() (tcache.h), cache_lock_own()
 * (tcache.c), and on the other side thread_visit() (thread.c), which takes the
 * lock, cache_close() with cache_close_begin(), os_membarrier() and is_busy(),
 * cache_open() (tcache.c), drain_one() and let_go() (drain.c). A cache that
 * its owner keeps closed (cache_close_own()) is in drain_weak.pml, as are the
 * orders of weaker machines.
 *
 * Checked without a bound on the drainer: owner and drainer never use the
 * cache at once, each finds it as the other left it (`top` stands for its
 * contents), and nobody waits for ever. Checked with -DROUNDS=n, after which
 * the drainer rests: the owner comes back to its fast path for good.
 *
 * Broken variants, each of which tests/model/models.tap must find out:
 *	-DNO_MEMBARRIER     the drainer calls none
 *	-DNO_FENCE          the owner loads the pointer before it stores busy
 *	-DEARLY_LOOK        the drainer looks at busy before the membarrier
 *	-DNO_LOCK           the owner's slow path does not wait for the lock
 *	-DLEAVE_EARLY       the owner stores busy = 0 before its last use
 *	-DNO_PUT_BACK       a drainer that finds the owner busy leaves it closed
 */

#define CLOSED 0
#define OWN    1

#define BUSY	0
#define POINTER 1
#define TOP	2

#define OWNER	0
#define DRAINER 1

/* Memory, by address. */
byte memory[3];

/* Store buffers, and the youngest store of each address in them. */
chan buffer[2] = [4] of { byte, byte };
typedef stores {
	byte pending[3];
	byte youngest[3]
}
stores own[2];

bool locked = false;
bool parked = false;
byte users = 0;

/* What whoever used the cache last left in it. */
byte contents = 0;

inline store(who, address, value) {
	atomic {
		buffer[who] ! address, value;
		own[who].pending[address]++;
		own[who].youngest[address] = value
	}
}

inline load(who, address, result) {
	atomic {
		if
		:: own[who].pending[address] > 0 ->
			result = own[who].youngest[address]
		:: else -> result = memory[address]
		fi
	}
}

/* A buffer reaches memory whenever it likes. */
proctype reach_memory(byte who) {
	byte address, value;
end:	do
	:: atomic {
		buffer[who] ? address, value ->
		memory[address] = value;
		own[who].pending[address]--;
		address = 0;
		value = 0
	   }
	od
}

inline acquire(who) {
	atomic { empty(buffer[who]) && !locked -> locked = true }
}

inline release(who) {
	atomic { empty(buffer[who]) -> locked = false }
}

/* Reads what is there and leaves something else. */
inline use(who, seen) {
	users++;
	assert(users == 1);
	load(who, TOP, seen);
	assert(seen == contents);
	contents = 1 - seen;
	store(who, TOP, contents);
	users--
}

proctype owner() {
	byte p, seen;
	do
	:: true ->
#ifdef NO_FENCE
		load(OWNER, POINTER, p);
		store(OWNER, BUSY, 1);
#else
		store(OWNER, BUSY, 1);
		load(OWNER, POINTER, p);
#endif
		if
		:: p == OWN ->
#ifdef LEAVE_EARLY
			store(OWNER, BUSY, 0);
#endif
			use(OWNER, seen);
progress:		store(OWNER, BUSY, 0)
		:: else ->
			store(OWNER, BUSY, 0);
			/* The slow path. */
#ifndef NO_LOCK
			acquire(OWNER);
#endif
			if
			:: parked ->
				parked = false;
				store(OWNER, POINTER, OWN)
			:: else
			fi;
			use(OWNER, seen);
#ifndef NO_LOCK
			release(OWNER)
#endif
		fi
	od
}

inline membarrier() {
	skip;
#ifndef NO_MEMBARRIER
	atomic { empty(buffer[OWNER]) && empty(buffer[DRAINER]) }
#endif
}

proctype drainer() {
	byte busy, seen, round;
end:	do
#ifdef ROUNDS
	:: round == ROUNDS -> break
	:: round < ROUNDS ->
		round++;
#else
	:: true ->
#endif
		acquire(DRAINER);
		if
		:: parked -> use(DRAINER, seen)
		:: else ->
			store(DRAINER, POINTER, CLOSED);
#ifdef EARLY_LOOK
			load(DRAINER, BUSY, busy);
			membarrier();
#else
			membarrier();
			load(DRAINER, BUSY, busy);
#endif
			if
			:: busy == 0 ->
				parked = true;
				use(DRAINER, seen);
				if
				:: true /* it stays parked */
				:: true ->
					parked = false;
					store(DRAINER, POINTER, OWN)
				fi
			:: else ->
				/* In the middle of it: as before. */
#ifndef NO_PUT_BACK
				store(DRAINER, POINTER, OWN)
#else
				skip
#endif
			fi
		fi;
		release(DRAINER)
	od
}

init {
	atomic {
		memory[POINTER] = OWN;
		run reach_memory(OWNER);
		run reach_memory(DRAINER);
		run owner();
		run drainer()
	}
}
