/*
 * shadows.c -- see shadows.h.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "process/case.h"
#include "process/made.h"
#include "shadows.h"

#define ALIGNMENT_BITS_MAX 16
#define SHELF_SLOTS        64
#define BIG_MAX            (3 * MIB)
/* Of larger blocks the ends are filled, and as much in their middle. */
#define FILLED_MAX ((size_t)6000)
#define N_ARENAS   2
#define N_CACHES   3

static _Atomic(struct shadow *) shelf[SHELF_SLOTS];
static atomic_size_t live_bytes;
static size_t live_max;
static unsigned made_arenas[N_ARENAS], made_caches[N_CACHES];
static void (*free_sized_)(void *, size_t);
static void (*free_aligned_sized_)(void *, size_t, size_t);

#define believe(b, condition)                                   \
	expect_for(condition, "%p, %zu bytes at %zu, key %llu", \
		   (void *)(b)->p, (b)->size, (b)->alignment,   \
		   (unsigned long long)(b)->key)

/* --- contents ---------------------------------------------------------------- */

static size_t
middle_of(const struct shadow *b)
{
	return b->key % (b->size - 3 * FILLED_MAX) + FILLED_MAX;
}

static bool
is_filled_whole(const struct shadow *b)
{
	return b->size <= 4 * FILLED_MAX;
}

static void
contents_write(const struct shadow *b)
{
	if (is_filled_whole(b)) {
		pattern_fill(b->p, b->size, b->key);
		return;
	}
	pattern_fill(b->p, FILLED_MAX, b->key);
	pattern_fill(b->p + middle_of(b), FILLED_MAX, b->key + 1);
	pattern_fill(b->p + b->size - FILLED_MAX, FILLED_MAX, b->key + 2);
}

/* Whether what the first n bytes held is there. */
static void
contents_check(const struct shadow *b, size_t n)
{
	size_t first = is_filled_whole(b) ? b->size : FILLED_MAX;

	first = n < first ? n : first;
	believe(b, pattern_check(b->p, first, b->key) == first);
	if (is_filled_whole(b) || n < b->size)
		return;
	believe(b, pattern_check(b->p + middle_of(b), FILLED_MAX, b->key + 1) ==
			   FILLED_MAX);
	believe(b, pattern_check(b->p + b->size - FILLED_MAX, FILLED_MAX,
				 b->key + 2) == FILLED_MAX);
}

/* --- a block's birth ------------------------------------------------------------ */

static bool
may_have(size_t n)
{
	if (atomic_fetch_add(&live_bytes, n) + n <= live_max)
		return true;
	atomic_fetch_sub(&live_bytes, n);
	return false;
}

static void
begin(struct holder *h, struct shadow *b, void *p)
{
	b->p = p;
	b->key = random_next(&h->random);
	believe(b, p != NULL);
	believe(b, is_aligned(p, ALIGNMENT));
	believe(b, b->alignment == 0 || is_aligned(p, b->alignment));
	believe(b, malloc_usable_size(p) >= b->size);
	contents_write(b);
}

static size_t
any_size(struct holder *h)
{
	size_t max = random_below(&h->random, 16) != 0 ? 32 * KIB : BIG_MAX;

	return 1 + random_size(&h->random, max - 1);
}

static void *
alloc_aligned(struct holder *h, struct shadow *b)
{
	void *p = NULL;

	b->alignment = sizeof(void *)
		       << random_below(&h->random, ALIGNMENT_BITS_MAX - 2);
	switch (random_below(&h->random, 5)) {
	case 0:
		return aligned_alloc(b->alignment, b->size);
	case 1:
		return memalign(b->alignment, b->size);
	case 2:
		b->alignment = 4096;
		return valloc(b->size);
	case 3:
		b->alignment = 4096;
		/* It rounds the size up: what was asked for is not it. */
		b->was_resized = true;
		return pvalloc(b->size);
	default:
		expect(posix_memalign(&p, b->alignment, b->size) == 0);
		return p;
	}
}

/* From an arena, a cache or neither; zeroed or not; aligned or not. */
static int
any_flags(struct holder *h, struct shadow *b)
{
	int flags = 0;

	switch (random_below(&h->random, 4)) {
	case 0:
		flags |= X_NONE;
		break;
	case 1:
		flags |= X_TCACHE(
			made_caches[random_below(&h->random, N_CACHES)]);
		break;
	case 2:
		flags |= X_ARENA(
			made_arenas[random_below(&h->random, N_ARENAS)]);
		break;
	default:
		break;
	}
	if (random_below(&h->random, 3) == 0) {
		int lg = (int)random_below(&h->random, ALIGNMENT_BITS_MAX);

		flags |= X_LG(lg);
		b->alignment = (size_t)1 << lg;
	}
	return flags | (random_below(&h->random, 2) == 0 ? X_ZERO : 0);
}

static void *
alloc_with_flags(struct holder *h, struct shadow *b)
{
	int flags = any_flags(h, b);
	void *p = x.mallocx(b->size, flags);

	believe(b, p != NULL);
	if ((flags & X_ZERO) != 0)
		believe(b, zero_check(p, b->size) == b->size);
	return p;
}

static void *
alloc_zeroed(struct shadow *b)
{
	void *p = calloc(1, b->size);

	believe(b, p != NULL && zero_check(p, b->size) == b->size);
	return p;
}

static void *
alloc_any(struct holder *h, struct shadow *b)
{
	switch (random_below(&h->random, 10)) {
	case 0:
	case 1:
		return alloc_zeroed(b);
	case 2:
		return alloc_aligned(h, b);
	case 3:
		return realloc(NULL, b->size);
	case 4:
		return reallocarray(NULL, b->size, 1);
	case 5:
	case 6:
		return alloc_with_flags(h, b);
	default:
		return malloc(b->size);
	}
}

static void
slot_alloc(struct holder *h, struct shadow *b)
{
	size_t n = any_size(h);

	if (!may_have(n))
		return;
	*b = (struct shadow){ .size = n };
	begin(h, b, alloc_any(h, b));
}

/* --- its end, and what lies between ---------------------------------------------- */

static void
free_with_flags(struct holder *h, const struct shadow *b)
{
	int flags = random_below(&h->random, 2) == 0
			    ? X_NONE
			    : X_TCACHE(made_caches[random_below(&h->random,
								N_CACHES)]);

	if (b->alignment != 0)
		flags |= X_LG(__builtin_ctzl(b->alignment));
	if (random_below(&h->random, 2) == 0)
		x.dallocx(b->p, flags);
	else
		x.sdallocx(b->p, b->size, flags);
}

static void
free_any(struct holder *h, const struct shadow *b)
{
	switch (random_below(&h->random, 6)) {
	case 0:
		if (b->was_resized)
			free(b->p);
		else if (b->alignment != 0)
			free_aligned_sized_(b->p, b->alignment, b->size);
		else
			free_sized_(b->p, b->size);
		return;
	case 1:
		expect(realloc(b->p, hide_size(0)) == NULL);
		return;
	case 2:
		if (!b->was_resized) {
			free_with_flags(h, b);
			return;
		}
		free(b->p);
		return;
	default:
		free(b->p);
	}
}

static void
slot_free(struct holder *h, struct shadow *b)
{
	contents_check(b, b->size);
	errno = 77;
	free_any(h, b);
	believe(b, errno == 77);
	atomic_fetch_sub(&live_bytes, b->size);
	b->p = NULL;
}

static void
slot_resize(struct holder *h, struct shadow *b)
{
	size_t n = any_size(h), kept = n < b->size ? n : b->size;
	struct shadow old = *b;
	void *p;

	if (!may_have(n))
		return;
	contents_check(b, b->size);
	switch (random_below(&h->random, 3)) {
	case 0:
		p = x.rallocx(b->p, n, 0);
		break;
	case 1:
		p = reallocarray(b->p, 1, n);
		break;
	default:
		p = realloc(b->p, n);
	}
	believe(&old, p != NULL);
	old.p = p;
	contents_check(&old, kept);
	*b = (struct shadow){ .size = n, .was_resized = true };
	begin(h, b, p);
	atomic_fetch_sub(&live_bytes, old.size);
}

/* In its place or not at all. */
static void
slot_stretch(struct holder *h, struct shadow *b)
{
	size_t n = any_size(h), got;

	got = x.xallocx(b->p, n, random_below(&h->random, 5000), 0);
	believe(b, got >= (n < b->size ? n : b->size));
	believe(b, got == x.sallocx(b->p, 0));
	contents_check(b, got < b->size ? got : b->size);
	b->was_resized = true;
	if (got >= b->size)
		return;
	atomic_fetch_sub(&live_bytes, b->size - got);
	b->size = got;
	contents_write(b);
}

/* What another holder left there comes instead. */
static void
slot_exchange(struct holder *h, struct shadow *b)
{
	size_t at = random_below(&h->random, SHELF_SLOTS);
	struct shadow *mine = malloc(sizeof *mine), *theirs;

	expect(mine != NULL);
	*mine = *b;
	b->p = NULL;
	theirs = atomic_exchange(&shelf[at], mine);
	if (theirs == NULL)
		return;
	*b = *theirs;
	free(theirs);
	if (b->p != NULL)
		contents_check(b, b->size);
}

static void
ask_too_much(struct holder *h)
{
	size_t n = SIZE_MAX - random_below(&h->random, 100000);

	errno = 0;
	expect(malloc(hide_size(n)) == NULL && errno == ENOMEM);
	expect(calloc(hide_size(n / 2), 3) == NULL);
	expect(x.nallocx(hide_size(n), 0) == 0);
}

static void
cache_step(struct holder *h)
{
	size_t len = sizeof(bool);
	bool was, is = random_below(&h->random, 4) != 0;

	switch (random_below(&h->random, 4)) {
	case 0:
		ctl("thread.tcache.enabled", &was, &len, &is, sizeof is);
		break;
	case 1:
		expect(ctl("tcache.flush", NULL, NULL,
			   &made_caches[random_below(&h->random, N_CACHES)],
			   sizeof(unsigned)) == 0);
		break;
	default:
		ctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	}
}

/* Bound to one of the first arenas, or to one that was made, and away again. */
static void
arena_step(struct holder *h)
{
	unsigned a = random_below(&h->random, 4) == 0
			     ? made_arenas[random_below(&h->random, N_ARENAS)]
			     : 0;

	ctl("thread.arena", NULL, NULL, &a, sizeof a);
}

static void
step_aside(struct holder *h)
{
	switch (random_below(&h->random, 8)) {
	case 0:
		ask_too_much(h);
		return;
	case 1:
		arena_step(h);
		return;
	case 2:
		malloc_trim(0);
		return;
	default:
		cache_step(h);
	}
}

void
holder_step(struct holder *h)
{
	struct shadow *b = &h->slots[random_below(&h->random, HOLDER_SLOTS)];
	size_t what = random_below(&h->random, 1000);

	h->nops++;
	if (what < 2)
		step_aside(h);
	else if (what < 150)
		slot_exchange(h, b);
	else if (b->p == NULL)
		slot_alloc(h, b);
	else if (what < 300)
		slot_resize(h, b);
	else if (what < 350)
		slot_stretch(h, b);
	else
		slot_free(h, b);
}

/* --- all of them ------------------------------------------------------------------ */

size_t
holder_check(struct holder *h)
{
	size_t n = 0;

	for (size_t i = 0; i < HOLDER_SLOTS; i++) {
		if (h->slots[i].p == NULL)
			continue;
		contents_check(&h->slots[i], h->slots[i].size);
		n += malloc_usable_size(h->slots[i].p);
	}
	return n;
}

void
holder_free(struct holder *h)
{
	for (size_t i = 0; i < HOLDER_SLOTS; i++) {
		if (h->slots[i].p != NULL)
			slot_free(h, &h->slots[i]);
	}
}

size_t
shelf_check(void)
{
	size_t n = 0;

	for (size_t i = 0; i < SHELF_SLOTS; i++) {
		struct shadow *b = atomic_load(&shelf[i]);

		if (b == NULL)
			continue;
		n += malloc_usable_size(b);
		if (b->p == NULL)
			continue;
		contents_check(b, b->size);
		n += malloc_usable_size(b->p);
	}
	return n;
}

void
shelf_free(void)
{
	struct holder h = { .random = { 1 } };

	for (size_t i = 0; i < SHELF_SLOTS; i++) {
		struct shadow *b = atomic_exchange(&shelf[i], NULL);

		if (b != NULL && b->p != NULL)
			slot_free(&h, b);
		free(b);
	}
}

void
shadows_begin(size_t max)
{
	made_load();
	live_max = max;
	free_sized_ = (void (*)(void *, size_t))library_function("free_sized");
	free_aligned_sized_ = (void (*)(
		void *, size_t, size_t))library_function("free_aligned_sized");
}

void
shadows_make(void)
{
	for (size_t i = 0; i < N_ARENAS; i++)
		made_arenas[i] = make_arena();
	for (size_t i = 0; i < N_CACHES; i++)
		made_caches[i] = make_cache();
}

void
shadows_unmake(void)
{
	expect_for(atomic_load(&live_bytes) == 0, "%zu",
		   atomic_load(&live_bytes));
	for (size_t i = 0; i < N_CACHES; i++)
		end_cache(made_caches[i]);
	for (size_t i = 0; i < N_ARENAS; i++)
		end_arena(made_arenas[i]);
}
