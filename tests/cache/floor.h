/*
 * floor.h -- malloc and free as the fast paths do them, on floors 1 to 6.
 *
 * Above   the tests of cache, control and fault, and the stress of drains
 * Lock    none
 * Always  the same steps on the cache as api/malloc.c: enter, top, leave
 */
#ifndef TESTS_CACHE_FLOOR_H
#define TESTS_CACHE_FLOOR_H

#include <pthread.h>

#include "heap/large.h"
#include "cache/closing.h"
#include "cache/thread.h"
#include "unit.h"

static inline void *
block_alloc(unsigned cls)
{
	struct tcache *c = cache_enter();
	struct cache_bin *b = &c->bins[cls];
	void *p = *b->top;
	bool is_zero;

	if (p != NULL) {
		b->top--;
		cache_leave();
		return p;
	}
	cache_leave();
	return cache_alloc(cls, &is_zero);
}

static inline void
block_free(void *p, unsigned cls)
{
	struct tcache *c = cache_enter();
	struct cache_bin *b = &c->bins[cls];
	void **top = b->top;

	if (top != b->limit) {
		top[1] = p;
		b->top = top + 1;
		cache_leave();
		return;
	}
	cache_leave();
	cache_free(p, cls);
}

/* --- a second thread that does what it is told ------------------------------- */

struct helper {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	void (*task)(void *);
	void *arg;
	bool is_done, is_over;
};

static inline void *
helper_main(void *arg)
{
	struct helper *h = arg;

	pthread_mutex_lock(&h->mutex);
	while (!h->is_over) {
		if (h->task == NULL) {
			pthread_cond_wait(&h->changed, &h->mutex);
			continue;
		}
		h->task(h->arg);
		h->task = NULL;
		h->is_done = true;
		pthread_cond_broadcast(&h->changed);
	}
	pthread_mutex_unlock(&h->mutex);
	return NULL;
}

MAYBE_UNUSED static void
helper_start(struct helper *h)
{
	memset(h, 0, sizeof *h);
	pthread_mutex_init(&h->mutex, NULL);
	pthread_cond_init(&h->changed, NULL);
	assert_int_equal(pthread_create(&h->thread, NULL, helper_main, h), 0);
}

/* Runs a task in the other thread, to its end. */
MAYBE_UNUSED static void
helper_do(struct helper *h, void (*task)(void *), void *arg)
{
	pthread_mutex_lock(&h->mutex);
	h->is_done = false;
	h->arg = arg;
	h->task = task;
	pthread_cond_broadcast(&h->changed);
	while (!h->is_done)
		pthread_cond_wait(&h->changed, &h->mutex);
	pthread_mutex_unlock(&h->mutex);
}

MAYBE_UNUSED static void
helper_end(struct helper *h)
{
	pthread_mutex_lock(&h->mutex);
	h->is_over = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->mutex);
	assert_int_equal(pthread_join(h->thread, NULL), 0);
}

#endif
