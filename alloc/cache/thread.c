/*
 * thread.c -- see thread.h.
 */
#include <pthread.h>

#include "../base/options.h"
#include "../pages/bell.h"
#include "../pages/meta.h"
#include "thread.h"

/*
 * How many rounds of destructors our own one lets pass, so that those of the
 * program still find a cache. glibc runs at least four.
 */
#define ROUNDS_TO_WAIT 2

static struct {
	struct lock lock;
	struct queue all;
	size_t count;
	uint32_t round;
	pthread_key_t key;
	_Atomic bool has_key;
	bool has_membarrier;
} threads;

static struct tcache *
linked_cache(struct queue_node *n)
{
	return list_entry(n, struct tcache, link);
}

/* --- death --------------------------------------------------------------------- */

static void
unlink_cache(struct tcache *c)
{
	lock_take(&threads.lock, LOCK_THREADS);
	queue_remove(&threads.all, &c->link);
	threads.count--;
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
	a->phase = PHASE_DEAD;
	a->own = NULL;
	cache_empty(c);
	cache_strip(c);
	lock_drop(&c->lock, LOCK_CACHE);
	meta_free(c, sizeof *c);
	bell_ring();
}

/* The key's value counts the rounds of destructors, from 1. */
static void
destructor(void *value)
{
	uintptr_t round = (uintptr_t)value;

	if (tcache_anchor.phase != PHASE_LIVE)
		return;
	if (round <= ROUNDS_TO_WAIT &&
	    pthread_setspecific(threads.key, (void *)(round + 1)) == 0)
		return;
	thread_death(tcache_anchor.own);
}

/* --- birth --------------------------------------------------------------------- */

void
thread_boot(void)
{
	cache_boot();
	threads.has_membarrier = os_membarrier_register();
	/* Release: pairs with the acquire in thread_birth(). */
	if (pthread_key_create(&threads.key, destructor) == 0)
		atomic_store_explicit(&threads.has_key, true,
				      memory_order_release);
}

static void
link_cache(struct tcache *c)
{
	lock_take(&threads.lock, LOCK_THREADS);
	c->visit = threads.round - 1;
	queue_push_first(&threads.all, &c->link);
	threads.count++;
	lock_drop(&threads.lock, LOCK_THREADS);
}

void
thread_birth(void)
{
	struct anchor *a = &tcache_anchor;
	struct tcache *c;

	/* Acquire: pairs with the release in thread_boot(). */
	if (!atomic_load_explicit(&threads.has_key, memory_order_acquire))
		return;
	if (!option(tcache)) {
		a->phase = PHASE_DEAD;
		return;
	}
	a->phase = PHASE_BIRTH;
	c = meta_alloc(sizeof *c);
	if (c == NULL) {
		a->phase = PHASE_UNBORN;
		return;
	}
	cache_init(c, arena_choose());
	c->anchor = a;
	a->own = c;
	link_cache(c);
	a->phase = PHASE_LIVE;
	atomic_store_explicit(&a->cache, c, memory_order_release);
	/*
	 * May call calloc for a key of a high number: the cache serves it.
	 * Without the destructor the cache would outlive its thread.
	 */
	if (pthread_setspecific(threads.key, (void *)1) != 0)
		thread_death(c);
}

/* --- visits ---------------------------------------------------------------------- */

uint32_t
thread_new_round(void)
{
	uint32_t round;

	lock_take(&threads.lock, LOCK_THREADS);
	round = ++threads.round;
	lock_drop(&threads.lock, LOCK_THREADS);
	return round;
}

struct tcache *
thread_visit(uint32_t round)
{
	struct tcache *c = NULL;

	lock_take(&threads.lock, LOCK_THREADS);
	/* Seen ones are at the end, new-born ones at the front. */
	if (threads.all.first != NULL)
		c = linked_cache(threads.all.first);
	if (c != NULL && c->visit == round)
		c = NULL;
	if (c != NULL) {
		c->visit = round;
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
	size_t n;

	lock_take(&threads.lock, LOCK_THREADS);
	n = threads.count;
	lock_drop(&threads.lock, LOCK_THREADS);
	return n;
}

/* --- fork ------------------------------------------------------------------------ */

/* The forking thread is not in its fast path; the others leave theirs soon. */
static void
hold(struct tcache *c)
{
	lock_take_another(&c->lock, LOCK_CACHE);
	if (c->anchor == &tcache_anchor || !threads.has_membarrier)
		return;
	while (!cache_close(c))
		os_yield();
}

void
thread_hold_all(void)
{
	lock_take(&threads.lock, LOCK_THREADS);
	for (struct queue_node *n = threads.all.first; n != NULL; n = n->next)
		hold(linked_cache(n));
}

void
thread_release_all(void)
{
	for (struct queue_node *n = threads.all.first; n != NULL; n = n->next)
		lock_drop(&linked_cache(n)->lock, LOCK_CACHE);
	lock_drop(&threads.lock, LOCK_THREADS);
}

/*
 * A dead thread's cache was closed when the process was copied, so it is as
 * good as new; without membarrier it may be torn, and is left alone.
 */
static void
bury(struct tcache *c)
{
	if (!threads.has_membarrier)
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
	threads.count = 0;
	for (struct queue_node *n = dead.first, *next; n != NULL; n = next) {
		struct tcache *c = linked_cache(n);

		next = n->next;
		lock_drop(&c->lock, LOCK_CACHE);
		if (c->anchor == &tcache_anchor) {
			queue_push_first(&threads.all, n);
			threads.count++;
		} else {
			bury(c);
		}
	}
	lock_drop(&threads.lock, LOCK_THREADS);
}
