/*
 * held.pml -- a slab is held while some of its pages are purged, and slots of
 * it are taken and put meanwhile (alloc/heap/bin.c, slab.c).
 *
 * Claim: under the bin's lock, the slots on free pages are hidden, the pages
 * marked away, the slab marked held. Purge: without the lock, page by page, of
 * which the kernel may refuse some. Settle: under the lock, the refused pages
 * are revealed, the mark goes, and a slab that ran empty meanwhile is retired.
 * A fill takes visible slots; where there are none it reveals a page, but not
 * of a held slab. A put retires a slab that ran empty, but not a held one.
 *
 * In the code: bin_purge() with claim_locked(), settle_batch() and
 * release_locked(); bin_fill() with best_locked() and reveal_locked();
 * bin_flush() with put_locked() and leave_empty_locked(); bin_trim() (all of
 * bin.c); slab_hide(), slab_reveal(), slab_reveal_some(), slab_free_pages()
 * (slab.c). LOCK_TRIM keeps two purges apart (reclaim.c).
 *
 * The slab has three pages and four slots: one on the first page, one on the
 * first and the second, and one on each of the others. After it was retired its
 * pages are somebody else's, until the next fill makes it anew.
 *
 * Checked: no page with a used slot is purged, no used slot loses its contents
 * or has two owners, a purge and a settle never meet a slab that was retired,
 * pages that are said to be away are zero when a slab is retired, and a slab
 * without a used slot stays with all its pages or not at all.
 *
 * Broken variants, each of which tests/model/models.tap must find out:
 *	-DNO_HOLD	 a put retires a slab that is being purged
 *	-DREVEAL_HELD	 a fill reveals a page that is being purged
 *	-DHIDE_LATE	 slots are hidden when their pages are gone
 *	-DKEEP_REFUSED	 pages that the kernel refused are away for good
 *	-DFORGET_EMPTY	 settle does not look whether the slab ran empty
 *	-DHALF_VISIBLE	 a slot comes in sight when one of its two pages is back
 *	-DTWO_PURGES	 two purges at a time, which LOCK_TRIM keeps apart
 */

#define NSLOTS 4
#define NPAGES 3
#define NOBODY 255

#define ALL_SLOTS 15

/* The pages of a slot, as bits, and the slots of a page. */
#define PAGES(slot) (slot == 0 -> 1 : (slot == 1 -> 3 : (slot == 2 -> 2 : 4)))
#define SLOTS(page) (page == 0 -> 3 : (page == 1 -> 6 : 8))

/* Who holds the bin's lock. */
byte bin_lock = NOBODY;

/* The slab's record. */
bool alive;
bool held;
byte visible;
byte away;

/* Who uses a slot, and what its part on each page holds; 0: zero. */
byte owner[NSLOTS] = NOBODY;
byte contents[12];

#define PART(slot, page) contents[(slot) * NPAGES + (page)]

#define HIDDEN(slot)	(away & PAGES(slot))
#define IS_USED(slot)	(!(visible >> (slot) & 1) && !HIDDEN(slot))
#define IS_EMPTY	(!IS_USED(0) && !IS_USED(1) && !IS_USED(2) && !IS_USED(3))

inline acquire(lock) {
	atomic { lock == NOBODY -> lock = _pid }
}

inline release(lock) {
	atomic {
		assert(lock == _pid);
		/* A purge keeps an empty slab, and one with all its pages stays
		 * for the next fill. */
		assert(!alive || held || !IS_EMPTY || away == 0);
		lock = NOBODY
	}
}

/* --- the slab, under its lock ------------------------------------------------ */

inline make() {
	assert(!alive);
	alive = true;
	held = false;
	visible = ALL_SLOTS;
	away = 0
}

/* Whoever has the pages next is told that those that were away are zero. */
inline retire() {
	assert(alive && IS_EMPTY);
	assert(!(away & 1) || (PART(0, 0) == 0 && PART(1, 0) == 0));
	assert(!(away & 2) || (PART(1, 1) == 0 && PART(2, 1) == 0));
	assert(!(away & 4) || PART(3, 2) == 0);
	alive = false
}

/* leave_empty_locked(): whether there are enough others is not told here. */
inline retire_if_empty(stays) {
	if
	:: IS_EMPTY && away == 0 && stays -> skip
	:: IS_EMPTY && !(away == 0 && stays) -> retire()
	:: else
	fi
}

inline hide(pages) {
	visible = visible & ~(pages & 1 -> SLOTS(0) : 0);
	visible = visible & ~(pages & 2 -> SLOTS(1) : 0);
	visible = visible & ~(pages & 4 -> SLOTS(2) : 0);
	away = away | pages
}

inline unhide(slot, page) {
	if
#ifdef HALF_VISIBLE
	:: SLOTS(page) >> slot & 1 ->
#else
	:: (SLOTS(page) >> slot & 1) && !HIDDEN(slot) ->
#endif
		visible = visible | (1 << slot)
	:: else
	fi
}

inline reveal(page) {
	away = away & ~(1 << page);
	unhide(0, page);
	unhide(1, page);
	unhide(2, page);
	unhide(3, page)
}

/* The free pages that are resident. */
inline find_free(pages) {
	pages = 0;
	if
	:: !(away & 1) && !IS_USED(0) && !IS_USED(1) -> pages = 1
	:: else
	fi;
	if
	:: !(away & 2) && !IS_USED(1) && !IS_USED(2) -> pages = pages | 2
	:: else
	fi;
	if
	:: !(away & 4) && !IS_USED(3) -> pages = pages | 4
	:: else
	fi
}

/* --- who fills and flushes ------------------------------------------------------- */

/* Any visible slot: which is the lowest depends on what others have. */
inline take(slot) {
	if
	:: visible & 1 -> slot = 0
	:: visible & 2 -> slot = 1
	:: visible & 4 -> slot = 2
	:: visible & 8 -> slot = 3
	:: else -> slot = NOBODY
	fi;
	if
	:: slot != NOBODY -> visible = visible & ~(1 << slot)
	:: else
	fi
}

inline reveal_some() {
	if
#ifdef REVEAL_HELD
	:: visible == 0 && (away & 1) -> reveal(0)
	:: visible == 0 && (away & 2) -> reveal(1)
	:: visible == 0 && (away & 4) -> reveal(2)
#else
	:: visible == 0 && !held && (away & 1) -> reveal(0)
	:: visible == 0 && !held && (away & 2) -> reveal(1)
	:: visible == 0 && !held && (away & 4) -> reveal(2)
#endif
	:: else
	fi
}

inline fill(slot) {
	acquire(bin_lock);
	d_step {
		if
		:: !alive -> make()
		:: else -> reveal_some()
		fi;
	}
	atomic {
		take(slot);
		if
		:: slot != NOBODY ->
			assert(owner[slot] == NOBODY);
			owner[slot] = _pid
		:: else
		fi
	}
	release(bin_lock)
}

/* From here on the slot is the bin's. */
inline flush(slot, stays) {
	acquire(bin_lock);
	if
	:: stays = true
	:: stays = false
	fi;
	d_step {
		assert(alive && owner[slot] == _pid);
		owner[slot] = NOBODY;
		visible = visible | (1 << slot);
#ifdef NO_HOLD
		retire_if_empty(stays)
#else
		if
		:: !held -> retire_if_empty(stays)
		:: else
		fi
#endif
	}
	release(bin_lock)
}

inline write(slot, page) {
	if
	:: PAGES(slot) >> page & 1 -> PART(slot, page) = _pid
	:: else
	fi
}

inline read(slot, page) {
	assert(!(PAGES(slot) >> page & 1) || PART(slot, page) == _pid)
}

/* All parts one after the other, which are then found as they were. */
inline use(slot) {
	write(slot, 0);
	write(slot, 1);
	write(slot, 2);
	read(slot, 0);
	read(slot, 1);
	read(slot, 2);
	assert(owner[slot] == _pid)
}

proctype user() {
	byte slot = NOBODY;
	bool stays;
end:	do
	:: fill(slot);
	   if
	   :: slot != NOBODY -> use(slot); flush(slot, stays)
	   :: else
	   fi;
	   slot = NOBODY;
	   stays = false
	od
}

/* --- who gives back --------------------------------------------------------------- */

inline claim(pages) {
	acquire(bin_lock);
	d_step {
		pages = 0;
		if
		:: alive && !IS_EMPTY && visible != 0 -> find_free(pages)
		:: else
		fi;
		if
		:: pages != 0 ->
#ifndef HIDE_LATE
			hide(pages);
#endif
			held = true
		:: else
		fi
	}
	release(bin_lock)
}

/* The kernel's part, page by page; what it refuses stays as it is. */
inline purge_page(page, pages, refused) {
	atomic {
		if
		:: pages & (1 << page) ->
			assert(alive);
			if
			:: page == 0 -> assert(!IS_USED(0) && !IS_USED(1));
				PART(0, 0) = 0; PART(1, 0) = 0
			:: page == 1 -> assert(!IS_USED(1) && !IS_USED(2));
				PART(1, 1) = 0; PART(2, 1) = 0
			:: page == 2 -> assert(!IS_USED(3));
				PART(3, 2) = 0
			:: refused = refused | (1 << page)
			fi
		:: else
		fi
	}
}

inline settle(pages, refused, stays) {
	acquire(bin_lock);
	if
	:: stays = true
	:: stays = false
	fi;
	d_step {
		assert(alive && held);
#ifdef HIDE_LATE
		hide(pages);
#endif
#ifndef KEEP_REFUSED
		if
		:: refused & 1 -> reveal(0)
		:: else
		fi;
		if
		:: refused & 2 -> reveal(1)
		:: else
		fi;
		if
		:: refused & 4 -> reveal(2)
		:: else
		fi;
#endif
		held = false;
#ifndef FORGET_EMPTY
		retire_if_empty(stays)
#endif
	}
	release(bin_lock)
}

proctype purger() {
	byte pages, refused;
	bool stays;
end:	do
	:: claim(pages);
	   if
	   :: pages != 0 ->
		purge_page(0, pages, refused);
		purge_page(1, pages, refused);
		purge_page(2, pages, refused);
		settle(pages, refused, stays)
	   :: else
	   fi;
	   refused = 0;
	   stays = false
	od
}

/* bin_trim(): empty slabs go, of which none is held. */
proctype trimmer() {
end:	do
	:: acquire(bin_lock);
	   d_step {
		if
		:: alive && IS_EMPTY && !held -> retire()
		:: else
		fi
	   }
	   release(bin_lock)
	od
}

init {
	atomic {
		run user();
		run user();
#ifdef TWO_PURGES
		run purger();
#endif
		run trimmer();
		run purger()
	}
}
