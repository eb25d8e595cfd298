/*
 * decay.c -- see decay.h.
 */
#include "decay.h"

/* Pages purged in the recent past that nobody has taken again. */
static size_t
recently_purged(const struct decay *d)
{
	size_t n = 0;

	for (unsigned i = 0; i < DECAY_RECENT; i++)
		n += d->purged[i];
	return n;
}

void
decay_forget(struct decay *d)
{
	for (unsigned i = 0; i < DECAY_RECENT; i++)
		d->purged[i] = 0;
	d->chased = 0;
}

/* Takes refaults off what was purged, the latest first. */
static void
charge(struct decay *d, size_t nrefaulted)
{
	for (unsigned i = 0; i < DECAY_RECENT; i++) {
		size_t *purged = &d->purged[(d->at - i) % DECAY_RECENT];
		size_t n = min_size(nrefaulted, *purged);

		*purged -= n;
		nrefaulted -= n;
		d->chased += n;
	}
}

/* A quarter of what was purged was wanted again at once. */
static bool
is_chase(const struct decay *d)
{
	return d->chased >= DECAY_NOISE &&
	       d->chased >= (d->chased + recently_purged(d)) / 4;
}

static void
widen(struct decay *d)
{
	if (d->window < DECAY_WINDOW_MAX)
		d->window *= 2;
	/* It was narrowed too soon. */
	if (d->streak++ > 0 && d->hold < DECAY_HOLD_MAX)
		d->hold *= 2;
	d->nchases++;
	d->calm = 0;
	/* What was judged once is not judged again. */
	decay_forget(d);
}

static void
narrow(struct decay *d)
{
	d->calm = 0;
	if (d->window > DECAY_WINDOW_MIN) {
		d->window /= 2;
	} else {
		d->hold = DECAY_HOLD_MIN;
		d->streak = 0;
	}
}

unsigned
decay_tick(struct decay *d, size_t npurged, size_t nrefaulted)
{
	if (d->window == 0) {
		d->window = DECAY_WINDOW_MIN;
		d->hold = DECAY_HOLD_MIN;
	}
	charge(d, nrefaulted);
	if (is_chase(d))
		widen(d);
	else if (++d->calm >= d->hold)
		narrow(d);
	if (recently_purged(d) == 0)
		d->chased = 0;
	d->at = (d->at + 1) % DECAY_RECENT;
	d->purged[d->at] = npurged;
	return d->window;
}
