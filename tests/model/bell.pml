/*
 * bell.pml -- the sleep of the trim thread: who makes work rings, and no ring
 * is lost (alloc/pages/bell.c and bell.h, alloc/control/trim.c).
 *
 * The listener is trim.c's trim_thread(): a tick (reclaim_tick(), under the
 * locks that all work is made under: one stands for them), and where that
 * found nothing rest(): bell_announce(), meet(), dump_serve(), is_needed() and
 * a tick for a second look, bell_sleep(); then nap(), which ends by itself.
 * The freer is every caller of bell_ring(): makes work under the lock, drops
 * it (lock_drop() is a release), reads bell_asleep relaxed. The asker is
 * trim_ask_dump(), on_signal() or thread.c's leave(): writes a word that no
 * lock covers, meets, and calls bell_dismiss(): the counter of dismissals, a
 * wake, bell_ring_slow().
 *
 * Orders are as weak as aarch64 and C11 allow. A relaxed load may return what
 * stood there before, unless the reader has acquired what the writer released
 * after it: the freer's load of bell_asleep may be done as soon as its lock is
 * taken; the announcement is certain to be seen by whoever takes the lock
 * after the listener's look; the word by whoever acquires one of the three
 * words that the asker exchanges or adds to after it. bell_sleep()'s store of 0
 * may come late, up to the next announcement. A futex compares and lies down
 * at once.
 *
 * Checked: when nobody can do anything any more, no work and no word is left
 * (the listener sleeps over nothing), and it never naps over a word that
 * was told to it.
 *
 * Broken variants, each of which tests/model/models.tap must find out:
 *	-DNO_LOOK	the listener does not look again once it has announced
 *	-DRING_FIRST	the freer rings before it makes its work
 *	-DEARLY_LOOK	the listener looks again, and then announces
 *	-DSTORE_ANNOUNCE the announcement is a store, which the look overtakes,
 *			and nobody meets
 *	-DNO_WAKE	whoever finds the listener announced does not wake it
 *	-DSEEN_FIRST	a nap compares with the counter as it finds it
 */

#define NFREES 1
#define NASKS  2

byte lock = 255;
bool work;			/* under the lock */

/* bell_asleep: its value in memory; a store of the listener's on its way. */
bool asleep;
bool reset_comes;
bool announce_comes;
/* Whoever takes the lock from now on sees the announcement. */
bool announced;

bool sleeping;			/* on bell_asleep, in the kernel */
bool napping;			/* on dismissals, in the kernel */
byte dismissals, seen;

/* The word, and where its writing has been released to. */
bool word;
bool at_meeting, at_dismissals, at_bell;
bool word_is_certain;

byte nfreers = 2;
bool asker_is_done;

inline acquire() {
	atomic { lock == 255 -> lock = _pid }
}

inline release() {
	atomic { assert(lock == _pid); lock = 255 }
}

/* bell_ring_slow(): exchanges are in one order, whatever is on its way. */
inline ring_slow() {
	atomic {
		if
		:: asleep ->
			asleep = false;
#ifndef NO_WAKE
			sleeping = false
#endif
		:: else
		fi
	}
}

/* The relaxed load in bell_ring(). */
inline read_asleep(is_certain, result) {
	atomic {
		if
		:: result = asleep
		:: !is_certain -> result = false
		fi
	}
}

proctype freer() {
	byte i;
	bool is_certain, saw, has_read;

	do
	:: i < NFREES ->
		i++;
#ifdef RING_FIRST
		read_asleep(false, saw);
		if
		:: saw -> ring_slow()
		:: else
		fi;
		acquire();
		work = true;
		release();
#else
		atomic { acquire(); is_certain = announced };
		/* The load may be done here already. */
		if
		:: read_asleep(is_certain, saw); has_read = true
		:: true
		fi;
		work = true;
		release();
		if
		:: !has_read -> read_asleep(is_certain, saw)
		:: else
		fi;
		if
		:: saw -> ring_slow()
		:: else
		fi;
#endif
		has_read = false;
		saw = false;
		is_certain = false
	:: else -> break
	od;
	nfreers--
}

proctype asker() {
	byte i;
	bool is_new;

	do
	:: i < NASKS ->
		i++;
		/* dump_ask(): whoever asked before is still to ring. */
		atomic {
			if
			:: word -> skip
			:: else ->
				word = true;
				word_is_certain = false;
				at_meeting = false;
				at_dismissals = false;
				at_bell = false;
				is_new = true
			fi
		};
		if
		:: is_new ->
#ifndef STORE_ANNOUNCE
			at_meeting = true;
#endif
			/* bell_dismiss() */
			atomic { dismissals++; at_dismissals = true };
			napping = false;
			atomic { at_bell = true; ring_slow() };
			is_new = false
		:: else
		fi
	:: else -> break
	od;
	asker_is_done = true
}

/* What the listener has stored and nobody sees yet. */
proctype late_stores() {
end:	do
	:: atomic { reset_comes -> asleep = false; reset_comes = false }
	:: atomic { announce_comes && !reset_comes ->
		asleep = true; announce_comes = false }
	od
}

inline tick(found) {
	acquire();
	atomic { found = work; work = false };
	/* The release: what was announced before, others see with the lock. */
	atomic {
		if
		:: announce_comes -> asleep = true; announce_comes = false
		:: else
		fi;
		announced = asleep;
		release()
	}
}

/* dump_serve(): an old 0 is read unless the word has been acquired. */
inline serve() {
	atomic {
		if
		:: word -> word = false; word_is_certain = false
		:: !word_is_certain
		fi
	}
}

inline announce() {
	atomic {
		if
		:: reset_comes -> asleep = false; reset_comes = false
		:: else
		fi;
#ifdef STORE_ANNOUNCE
		announce_comes = true
#else
		asleep = true;
		word_is_certain = word_is_certain || (at_bell && word);
		announced = false
#endif
	}
}

proctype listener() {
	bool found = true;

	do
	:: true ->
		/* rest() */
		if
		:: !found ->
#ifdef EARLY_LOOK
			tick(found);
			serve();
			announce();
#else
			announce();
#ifndef STORE_ANNOUNCE
			word_is_certain = word_is_certain || (at_meeting && word);
#endif
			serve();
#ifdef NO_LOOK
			found = false;
#else
			tick(found);
#endif
#endif
			if
			:: !found ->
				/* bell_sleep() */
				atomic {
					if
					:: announce_comes -> asleep = true;
						announce_comes = false
					:: else
					fi;
					if
					:: asleep -> sleeping = true
					:: else
					fi
				};
end:				!sleeping;
				reset_comes = true
			:: else
			fi
		:: else
		fi;
		/* nap() */
		serve();
#ifdef SEEN_FIRST
		seen = dismissals;
#endif
		atomic {
			if
			:: dismissals == seen -> napping = true
			:: else
			fi
		};
		/* Dismissed, or the time is over. */
		napping = false;
		atomic {
			seen = dismissals;
			word_is_certain = word_is_certain || (at_dismissals && word)
		};
		tick(found)
	od
}

/* What is never to be: spin goes there from every state. */
proctype monitor() {
end:	do
	:: timeout -> assert(!work && !word); break
	:: atomic { napping && asker_is_done -> assert(!word); break }
	od
}

init {
	atomic {
		run freer();
		run freer();
		run asker();
		run late_stores();
		run listener();
		run monitor()
	}
}
