/*
 * decay.c -- see decay.h.
 */
#include "decay.h"

static size_t
sum(const size_t *ring)
{
	size_t n = 0;

	for (unsigned i = 0; i < DECAY_RECENT; i++)
		n += ring[i];
	return n;
}

void
decay_forget(struct decay *d)
{
	for (unsigned i = 0; i < DECAY_RECENT; i++)
		d->purged[i] = d->chased[i] = 0;
}

/* Charges refaults to the purges they may be of, the latest first. */
static void
charge(struct decay *d, size_t nrefaulted)
{
	for (unsigned i = 0; i < DECAY_RECENT; i++) {
		unsigned at = (d->at - i) % DECAY_RECENT;
		size_t n = min_size(nrefaulted, d->purged[at] - d->chased[at]);

		d->chased[at] += n;
		nrefaulted -= n;
	}
}

/* A quarter of what was purged was wanted again at once. */
static bool
is_chase(const struct decay *d)
{
	size_t chased = sum(d->chased);

	return chased >= DECAY_NOISE && chased >= sum(d->purged) / 4;
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
	d->at = (d->at + 1) % DECAY_RECENT;
	d->purged[d->at] = npurged;
	d->chased[d->at] = 0;
	return d->window;
}
