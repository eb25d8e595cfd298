/*
 * drain_weak.pml -- the drain protocol once more, on a machine that swaps what
 * it may (aarch64, C11): stores reach memory in any order, the next path's
 * load of the pointer is done before this path is over, an acquire holds back
 * later accesses and a release waits for earlier ones, and no more.
 *
 * The three words: busy and the pointer of the thread's anchor, and `top` for
 * what is in the cache. The owner is cache_enter() and cache_leave()
 * (cache/tcache.h) around a fast path, and its slow path cache_lock_own()
 * (cache/tcache.c), which opens a parked cache or, for a thread whose bytes
 * are counted, closes it: cache_close_own(). The drainer is cache_close(),
 * what drain.c does with a cache that is at rest, and let_go(), cache_open();
 * or leaves it parked, as drain_one() and fork do (thread_hold_all(),
 * thread_release_all(): the same steps, with time between the look and the
 * opening of a cache whose owner was busy).
 *
 * How an order is written here. Each thread has one store on its way for each
 * word, which reaches memory whenever it likes: a plain one before or after
 * the others, a release after those that were on their way when it was made.
 * A lock is dropped by a release and taken by an acquire. A load that is done
 * early is a value put by, which an acquire before it throws away. membarrier
 * is an interrupt on the owner's CPU: what is before it in the program has
 * reached memory, what is after it has not begun, so a value put by for an
 * instruction to come is thrown away.
 *
 * drain.pml has the same protocol with x86's buffers and says what is checked:
 * never two at once, each finds the cache as the other left it, nobody waits
 * for ever.
 *
 * Broken variants, each of which tests/model/models.tap must find out:
 *	-DNO_MEMBARRIER the drainer calls none
 *	-DENTER_RELAXED	cache_enter() loads the pointer relaxed, and the stack
 *			is read by a guess at what it will be
 *	-DLEAVE_RELAXED	cache_leave() stores busy relaxed
 *	-DLOOK_RELAXED	is_busy() loads busy relaxed
 *	-DOPEN_RELAXED	cache_open() stores the pointer relaxed
 *	-DDROP_RELAXED	a lock is dropped by a relaxed store
 */

#define CLOSED 0
#define OWN    1
#define NONE   2

#define BUSY	0
#define POINTER 1
#define TOP	2

#define OWNER	0
#define DRAINER 1

byte memory[3];

/* Stores on their way, as who * 3 + word; those that they have to wait for. */
bool on_its_way[6];
byte value[6];
byte waits_for[6];

/* What the owner has loaded ahead of its turn. */
byte early_pointer = NONE;
byte early_top = NONE;

bool locked = false;
bool parked = false;
byte users = 0;
byte contents = 0;

#define AT(who, word) ((who) * 3 + (word))
#define ALL_ON_THEIR_WAY(who) (on_its_way[AT(who, 0)] + \
	2 * on_its_way[AT(who, 1)] + 4 * on_its_way[AT(who, 2)])
#define NONE_ON_ITS_WAY(who) (ALL_ON_THEIR_WAY(who) == 0)

/* Of one word a thread's stores keep their order. */
inline store(who, word, v, earlier) {
	atomic {
		!on_its_way[AT(who, word)] ->
		waits_for[AT(who, word)] = earlier;
		on_its_way[AT(who, word)] = true;
		value[AT(who, word)] = v
	}
}

#define store_relaxed(who, word, v) store(who, word, v, 0)
#define store_release(who, word, v) \
	store(who, word, v, ALL_ON_THEIR_WAY(who) & ~(1 << (word)))

inline load(who, word, result) {
	atomic {
		if
		:: on_its_way[AT(who, word)] -> result = value[AT(who, word)]
		:: else -> result = memory[word]
		fi
	}
}

inline arrive(who, word) {
	memory[word] = value[AT(who, word)];
	on_its_way[AT(who, word)] = false;
	value[AT(who, word)] = 0;
	waits_for[AT(who, 0)] = waits_for[AT(who, 0)] & ~(1 << (word));
	waits_for[AT(who, 1)] = waits_for[AT(who, 1)] & ~(1 << (word));
	waits_for[AT(who, 2)] = waits_for[AT(who, 2)] & ~(1 << (word))
}

#define MAY_ARRIVE(who, word) \
	(on_its_way[AT(who, word)] && waits_for[AT(who, word)] == 0)

proctype reach_memory(byte who) {
end:	do
	:: atomic { MAY_ARRIVE(who, BUSY) -> arrive(who, BUSY) }
	:: atomic { MAY_ARRIVE(who, POINTER) -> arrive(who, POINTER) }
	:: atomic { MAY_ARRIVE(who, TOP) -> arrive(who, TOP) }
	od
}

inline forget_early() {
	early_pointer = NONE;
	early_top = NONE
}

inline acquire(who) {
	atomic {
		!locked -> locked = true;
		if
		:: who == OWNER -> forget_early()
		:: else
		fi
	}
}

inline release(who) {
#ifdef DROP_RELAXED
	locked = false
#else
	atomic { NONE_ON_ITS_WAY(who) -> locked = false }
#endif
}

/* The owner's next load of the pointer, done here or not. */
inline look_ahead() {
	if
	:: early_pointer == NONE -> load(OWNER, POINTER, early_pointer)
	:: true
	fi
}

inline use(who, seen, early) {
	users++;
	assert(users == 1);
	atomic {
		load(who, TOP, seen);
		if
		:: early != NONE -> seen = early
		:: else
		fi;
		early = NONE
	};
	assert(seen == contents);
	contents = 1 - seen;
	if
	:: who == OWNER -> look_ahead()
	:: else
	fi;
	store_relaxed(who, TOP, contents);
	users--
}

inline enter(p) {
	store_relaxed(OWNER, BUSY, 1);
#ifdef ENTER_RELAXED
	if
	:: early_top == NONE -> load(OWNER, TOP, early_top)
	:: true
	fi;
#endif
	atomic {
		if
		:: early_pointer != NONE -> p = early_pointer
		:: else -> load(OWNER, POINTER, p)
		fi;
		early_pointer = NONE
	};
	/* An acquire: nothing later was done before it. */
	look_ahead()
}

inline leave() {
#ifdef LEAVE_RELAXED
	store_relaxed(OWNER, BUSY, 0);
#else
	store_release(OWNER, BUSY, 0);
#endif
	look_ahead()
}

inline open(who) {
	parked = false;
#ifdef OPEN_RELAXED
	store_relaxed(who, POINTER, OWN)
#else
	store_release(who, POINTER, OWN)
#endif
}

proctype owner() {
	byte p, seen;
	do
	:: true ->
		enter(p);
		if
		:: p == OWN ->
			use(OWNER, seen, early_top);
progress:		leave()
		:: else ->
			early_top = NONE;
			leave();
			/* cache_lock_own() */
			acquire(OWNER);
			if
			:: parked -> open(OWNER)
			:: store_relaxed(OWNER, POINTER, CLOSED); parked = true
			:: !parked
			fi;
			/* Of one word: a load after a store has its value. */
			early_pointer = NONE;
			use(OWNER, seen, early_top);
			release(OWNER)
		fi
	od
}

inline membarrier() {
	skip;
#ifndef NO_MEMBARRIER
	atomic {
		NONE_ON_ITS_WAY(OWNER) && NONE_ON_ITS_WAY(DRAINER) ->
		forget_early()
	}
#endif
}

proctype drainer() {
	byte busy, seen, early = NONE;
end:	do
	:: true ->
		acquire(DRAINER);
		if
		:: parked -> use(DRAINER, seen, early)
		:: else ->
			store_relaxed(DRAINER, POINTER, CLOSED);
			membarrier();
#ifdef LOOK_RELAXED
			load(DRAINER, TOP, early);
#endif
			load(DRAINER, BUSY, busy);
			if
			:: busy == 0 ->
				parked = true;
				use(DRAINER, seen, early);
				if
				:: true /* it stays parked */
				:: true -> open(DRAINER)
				fi
			:: else ->
				early = NONE;
				open(DRAINER)
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
