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

/* What was judged once is not judged again. */
static void
forget(struct decay *d)
{
	for (unsigned i = 0; i < DECAY_RECENT; i++)
		d->purged[i] = 0;
}

static void
widen(struct decay *d)
{
	if (d->window < DECAY_WINDOW_MAX)
		d->window *= 2;
	/* It was narrowed too soon. */
	if (d->nchases++ > 0 && d->hold < DECAY_HOLD_MAX)
		d->hold *= 2;
	d->calm = 0;
	forget(d);
}

static void
narrow(struct decay *d)
{
	d->calm = 0;
	if (d->window > DECAY_WINDOW_MIN) {
		d->window /= 2;
	} else {
		d->hold = DECAY_HOLD_MIN;
		d->nchases = 0;
	}
}

unsigned
decay_tick(struct decay *d, size_t npurged, size_t nrefaulted)
{
	size_t recent = recently_purged(d);
	size_t chased = min_size(nrefaulted, recent);

	if (d->window == 0) {
		d->window = DECAY_WINDOW_MIN;
		d->hold = DECAY_HOLD_MIN;
	}
	if (chased >= DECAY_NOISE && chased >= recent / 4)
		widen(d);
	else if (++d->calm >= d->hold)
		narrow(d);
	d->at = (d->at + 1) % DECAY_RECENT;
	d->purged[d->at] = npurged;
	return d->window;
}
