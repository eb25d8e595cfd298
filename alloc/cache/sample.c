/*
 * sample.c -- see sample.h.
 */
#include "../base/options.h"
#include "../heap/arena.h"
#include "../os/guarded.h"
#include "closing.h"
#include "sample.h"
#include "thread.h"

/* For threads without a cache, all of them together. */
static _Atomic int64_t orphans_left;

/* Blocks up to the next guarded one, itself included; the option's on average. */
static int64_t
draw(void)
{
	uint64_t n = (uint64_t)option(guarded);

	return n == 0 ? INT64_MAX : (int64_t)(1 + os_random() % (2 * n - 1));
}

static int64_t
left(struct sampling *s)
{
	if (s->left <= 0)
		s->left = draw();
	return s->left;
}

size_t
sample_limit(struct tcache *c, size_t want)
{
	int64_t before = left(&c->sampling) - 1;

	if (before >= (int64_t)want)
		return want;
	return max_size((size_t)before, 1);
}

void
sample_filled(struct tcache *c, unsigned cls, size_t n)
{
	struct sampling *s = &c->sampling;

	s->nfilled += n;
	s->left -= (int64_t)n;
	if (s->left > 1)
		return;
	s->cls = (uint16_t)cls;
	s->left = draw();
}

/* n more blocks were taken; is one of them due? */
static bool
is_due(struct sampling *s, int64_t n)
{
	if (left(s) > n) {
		s->left -= n;
		return false;
	}
	s->left = draw();
	return true;
}

/*
 * The burst is over: blocks that were taken since the last one and that nobody
 * counted, if they came as fast as those of the burst did. In fork's child the
 * thread's CPU time begins anew, and what was noted before lies ahead.
 */
static int64_t
uncounted(const struct sampling *s, uint64_t now_ns)
{
	double each_ns = (double)ns_since(s->begun_ns, now_ns) / SAMPLE_BURST;
	double n = (double)ns_since(s->seen_ns, now_ns) /
		   (each_ns > 1 ? each_ns : 1);

	n -= (double)s->nfilled;
	return n < 0 ? 0 : (int64_t)n;
}

static bool
burst(struct sampling *s)
{
	uint64_t now_ns;
	int64_t n;

	if (s->burst == SAMPLE_BURST)
		s->begun_ns = os_thread_cpu_ns();
	if (--s->burst > 0)
		return false;
	now_ns = os_thread_cpu_ns();
	n = uncounted(s, now_ns);
	s->seen_ns = now_ns;
	s->nfilled = 0;
	return is_due(s, n);
}

static bool
take(struct sampling *s, unsigned cls)
{
	bool due = s->burst > 0 && burst(s);

	if (!class_is_slab(cls)) {
		s->nfilled++;
		due = is_due(s, 1) || due;
	} else if (s->cls == cls) {
		due = true;
	} else if (!due && left(s) == 1) {
		due = is_due(s, 1);
	}
	/* It may have waited for a class that the thread wants no more. */
	if (due)
		s->cls = 0;
	return due;
}

static bool
orphan_take(void)
{
	/* Relaxed: a draw more or less, by whichever thread. */
	int64_t before = atomic_fetch_sub_explicit(&orphans_left, 1,
						   memory_order_relaxed);

	if (before > 1)
		return false;
	atomic_store_explicit(&orphans_left, draw(), memory_order_relaxed);
	/* The first one of all only draws. */
	return before == 1;
}

bool
sample_take(unsigned cls)
{
	struct tcache *c = cache_lock_own();
	bool is_taken;

	if (c == NULL)
		return orphan_take();
	/* What it allocates belongs to that arena, and goes with it. */
	is_taken = !arena_is_apart(c->arena) && take(&c->sampling, cls);
	lock_drop(&c->lock, LOCK_CACHE);
	return is_taken;
}

/* c->lock is held. Idle threads are left alone. */
static void
arm(struct tcache *c)
{
	if (c->anchor == NULL || arena_is_apart(c->arena) ||
	    (c->is_parked && c->is_quiet))
		return;
	c->sampling.burst = SAMPLE_BURST;
	c->sampling.burst_frees = 0;
	cache_close_begin(c);
}

void
sample_arm(void)
{
	struct tcache *c;

	thread_begin_round();
	while ((c = thread_visit()) != NULL) {
		arm(c);
		lock_drop(&c->lock, LOCK_CACHE);
	}
	thread_end_round();
}
