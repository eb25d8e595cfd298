/*
 * thread.c -- see thread.h.
 */
#include "../base/options.h"
#include "../heap/arena.h"
#include "../os/libc.h"
#include "../os/os.h"
#include "../pages/bell.h"
#include "../pages/meta.h"
#include "closing.h"
#include "counts.h"
#include "thread.h"

/*
 * How many rounds of destructors our own one lets pass, so that those of the
 * program still find a cache. glibc runs at least four.
 */
#define ROUNDS_TO_WAIT 2

static struct {
	struct lock round_lock; /* LOCK_ROUND: one round of visits at a time */
	struct lock lock;       /* LOCK_THREADS */
	struct queue all;
	_Atomic size_t count; /* read as a hint without the lock */
	_Atomic size_t nlive; /* threads that will run our destructor */
	uint32_t round;
	pthread_key_t key;
	_Atomic bool has_key;
	/* NULL: the C library came without threads (os/libc.h) */
	thread_set_fn *set;
	bool has_membarrier;
} threads;

static struct tcache *
linked_cache(struct queue_node *n)
{
	return list_entry(n, struct tcache, link);
}

/* Relaxed: LOCK_THREADS orders the writers. */
static void
add_count(int n)
{
	atomic_fetch_add_explicit(&threads.count, (size_t)n,
				  memory_order_relaxed);
}

bool
thread_has_membarrier(void)
{
	return threads.has_membarrier;
}

/* --- death --------------------------------------------------------------- */

static void
unlink_cache(struct tcache *c)
{
	lock_take(&threads.lock, LOCK_THREADS);
	queue_remove(&threads.all, &c->link);
	add_count(-1);
	lock_drop(&threads.lock, LOCK_THREADS);
}

static void
thread_death(struct tcache *c)
{
	struct anchor *a = &tcache_anchor;

	/* Nobody finds the cache any more; who has it still holds its lock. */
	unlink_cache(c);
	lock_take(&c->lock, LOCK_CACHE);
	/* Relaxed: read by this thread alone from here on. */
	atomic_store_explicit(&a->cache, &tcache_closed, memory_order_relaxed);
	a->own = NULL;
	cache_empty(c);
	cache_strip(c);
	lock_drop(&c->lock, LOCK_CACHE);
	meta_free(c, sizeof *c);
	bell_ring();
}

/* The last one that leaves turns out the light: the trim thread ends too. */
static void
leave(void)
{
	/* Relaxed: a number; the trim thread looks again after its dismissal. */
	if (atomic_fetch_sub_explicit(&threads.nlive, 1,
				      memory_order_relaxed) == 1)
		bell_dismiss();
}

/* The key's value counts the rounds of destructors, from 1. */
static void
destructor(void *value)
{
	uintptr_t round = (uintptr_t)value;

	if (round <= ROUNDS_TO_WAIT &&
	    threads.set(threads.key, (void *)(round + 1)) == 0)
		return;
	if (tcache_anchor.phase == PHASE_LIVE)
		thread_death(tcache_anchor.own);
	counts_forget();
	/* Not born again: nobody would end that cache. */
	tcache_anchor.phase = PHASE_DEAD;
	leave();
}

/* --- birth --------------------------------------------------------------- */

bool
thread_learn(thread_key_fn *make_key, thread_set_fn *set)
{
	if (threads.set != NULL)
		return true;
	if (make_key(&threads.key, destructor) != 0)
		return false;
	threads.set = set;
	/* Release: pairs with the acquire in thread_birth(). */
	atomic_store_explicit(&threads.has_key, true, memory_order_release);
	return true;
}

void
thread_boot(void)
{
	cache_boot();
	threads.has_membarrier = os_membarrier_register();
	if (!libc_has_threads()) {
		/* A first thread, which ends with the process. */
		atomic_store_explicit(&threads.has_key, true,
				      memory_order_release);
		return;
	}
	thread_learn(pthread_key_create, pthread_setspecific);
}

/*
 * Makes sure that our destructor runs in this thread, from the given round
 * on. May call calloc for a key of a high number.
 */
static bool
enter(uintptr_t round)
{
	if (tcache_anchor.is_entered)
		return true;
	if (threads.set != NULL && threads.set(threads.key, (void *)round) != 0)
		return false;
	/* That calloc may have been this thread's first, and have come by here. */
	if (!tcache_anchor.is_entered)
		atomic_fetch_add_explicit(&threads.nlive, 1,
					  memory_order_relaxed);
	tcache_anchor.is_entered = true;
	return true;
}

void
thread_enter(void)
{
	/* Acquire: pairs with the release in thread_boot(). */
	if (atomic_load_explicit(&threads.has_key, memory_order_acquire))
		enter(1);
}

void
thread_renounce(void)
{
	tcache_anchor.phase = PHASE_DEAD;
}

size_t
thread_live(void)
{
	return atomic_load_explicit(&threads.nlive, memory_order_relaxed);
}

static void
link_cache(struct tcache *c)
{
	lock_take(&threads.lock, LOCK_THREADS);
	c->visit = threads.round - 1;
	queue_push_first(&threads.all, &c->link);
	add_count(1);
	lock_drop(&threads.lock, LOCK_THREADS);
}

static struct tcache *
make_cache(struct anchor *a)
{
	struct tcache *c = meta_alloc(sizeof *c);

	if (c == NULL)
		return NULL;
	cache_init(c, arena_choose());
	c->anchor = a;
	/* Before anybody else finds it: from then on it is as it is said. */
	c->is_parked = cache_use != CACHES_OPEN;
	c->tid = os_thread_id();
	a->own = c;
	link_cache(c);
	return c;
}

void
thread_birth(void)
{
	struct anchor *a = &tcache_anchor;
	struct tcache *c;

	/* Acquire: pairs with the release in thread_boot(). */
	if (!atomic_load_explicit(&threads.has_key, memory_order_acquire))
		return;
	a->phase = PHASE_BIRTH;
	/*
	 * A thread that did not begin in our pthread_create may be in the
	 * middle of its destructors already: ours must not wait for rounds
	 * that may not come.
	 */
	c = option(tcache) && enter(ROUNDS_TO_WAIT + 1) ? make_cache(a) : NULL;
	a->phase = c != NULL ? PHASE_LIVE : PHASE_UNBORN;
	if (!option(tcache))
		a->phase = PHASE_DEAD;
	if (c != NULL && cache_use == CACHES_OPEN)
		/* Release: pairs with the acquire in cache_enter(). */
		atomic_store_explicit(&a->cache, c, memory_order_release);
}

/* --- what a thread says of its own cache ------------------------------------------ */

bool
thread_set_cached(bool is_cached)
{
	struct anchor *a = &tcache_anchor;

	if (!is_cached && a->phase == PHASE_LIVE)
		thread_death(a->own);
	if (!is_cached && a->phase != PHASE_DEAD)
		a->phase = PHASE_OFF;
	if (is_cached && a->phase == PHASE_OFF)
		a->phase = PHASE_UNBORN;
	return is_cached && cache_own() != NULL;
}

void
thread_flush(void)
{
	struct tcache *c = cache_lock_own();

	if (c == NULL)
		return;
	cache_empty(c);
	cache_strip(c);
	lock_drop(&c->lock, LOCK_CACHE);
	bell_ring();
}

bool
thread_set_arena(struct arena *a)
{
	struct tcache *c = cache_lock_own();
	bool is_there;

	if (c == NULL)
		return false;
	/*
	 * Whoever ends an arena first has nobody find it, then looks at all
	 * caches, by their locks: either sees the other.
	 */
	is_there = arena_find(arena_index(a)) == a;
	if (is_there) {
		/* What comes from now on is of that arena. */
		cache_empty(c);
		c->arena = a;
		if (arena_is_apart(a))
			cache_close_own(c);
	}
	lock_drop(&c->lock, LOCK_CACHE);
	bell_ring();
	return is_there;
}

/* --- visits ---------------------------------------------------------------------- */

void
thread_begin_round(void)
{
	lock_take(&threads.round_lock, LOCK_ROUND);
	lock_take(&threads.lock, LOCK_THREADS);
	threads.round++;
	lock_drop(&threads.lock, LOCK_THREADS);
}

void
thread_end_round(void)
{
	lock_drop(&threads.round_lock, LOCK_ROUND);
}

struct tcache *
thread_visit(void)
{
	struct tcache *c = NULL;

	lock_take(&threads.lock, LOCK_THREADS);
	/* Seen ones are at the end, new-born ones at the front. */
	if (threads.all.first != NULL)
		c = linked_cache(threads.all.first);
	if (c != NULL && c->visit == threads.round)
		c = NULL;
	if (c != NULL) {
		c->visit = threads.round;
		queue_remove(&threads.all, &c->link);
		queue_push_last(&threads.all, &c->link);
		lock_take(&c->lock, LOCK_CACHE);
	}
	lock_drop(&threads.lock, LOCK_THREADS);
	return c;
}

size_t
thread_count(void)
{
	return atomic_load_explicit(&threads.count, memory_order_relaxed);
}

/* --- fork ------------------------------------------------------------------------ */

static bool
is_foreign(const struct tcache *c)
{
	return c->anchor != &tcache_anchor;
}

static void
lock_all(void)
{
	for (struct queue_node *n = threads.all.first; n != NULL; n = n->next)
		lock_take_another(&linked_cache(n)->lock, LOCK_CACHE);
}

/*
 * Closes all caches but the forking thread's own, which is not in its fast
 * path. An owner that was interrupted in the middle of one is not waited for:
 * it may not run for long.
 */
static void
close_all(void)
{
	struct queue_node *n;

	for (n = threads.all.first; n != NULL; n = n->next) {
		if (is_foreign(linked_cache(n)))
			cache_close_begin(linked_cache(n));
	}
	threads.has_membarrier = threads.has_membarrier && os_membarrier();
	for (n = threads.all.first; n != NULL; n = n->next) {
		if (is_foreign(linked_cache(n)))
			cache_close_end(linked_cache(n),
					threads.has_membarrier);
	}
}

void
thread_hold_all(void)
{
	lock_take(&threads.round_lock, LOCK_ROUND);
	lock_take(&threads.lock, LOCK_THREADS);
	lock_all();
	if (threads.has_membarrier)
		close_all();
}

void
thread_release_all(void)
{
	for (struct queue_node *n = threads.all.first; n != NULL; n = n->next) {
		struct tcache *c = linked_cache(n);

		if (is_foreign(c) && !c->is_parked)
			cache_open(c);
		lock_drop(&c->lock, LOCK_CACHE);
	}
	lock_drop(&threads.lock, LOCK_THREADS);
	lock_drop(&threads.round_lock, LOCK_ROUND);
}

/*
 * A dead thread's cache that was closed when the process was copied is as good
 * as new. Any other may be torn, for its pages were copied one by one: what it
 * holds is lost to the child.
 */
static void
bury(struct tcache *c)
{
	if (!c->is_parked)
		return;
	cache_empty(c);
	cache_strip(c);
	meta_free(c, sizeof *c);
}

void
thread_child_release(void)
{
	struct queue dead = threads.all;

	threads.all = (struct queue){ NULL, NULL };
	atomic_store_explicit(&threads.count, 0, memory_order_relaxed);
	for (struct queue_node *n = dead.first, *next; n != NULL; n = next) {
		struct tcache *c = linked_cache(n);

		next = n->next;
		lock_drop(&c->lock, LOCK_CACHE);
		if (c->anchor == &tcache_anchor) {
			queue_push_first(&threads.all, n);
			c->tid = os_thread_id();
			add_count(1);
		} else {
			bury(c);
		}
	}
	atomic_store_explicit(&threads.nlive, tcache_anchor.is_entered,
			      memory_order_relaxed);
	lock_drop(&threads.lock, LOCK_THREADS);
	lock_drop(&threads.round_lock, LOCK_ROUND);
}
