/*
 * blocks.c -- see blocks.h.
 */
#include "blocks.h"

#define LIVE_MAX (24 * MIB)

struct slot slots[NSLOTS];
struct input in;
size_t live;
bool may_fail;

/* --- contents -------------------------------------------------------------------- */

void
slot_fill(struct slot *s)
{
	s->byte = (unsigned char)(take_byte(&in) | 1);
	if (s->usable <= WHOLE_MAX) {
		memset(s->p, s->byte, s->usable);
		return;
	}
	for (size_t at = 0; at < s->usable; at += PAGE)
		s->p[at] = s->byte;
	s->p[s->usable - 1] = s->byte;
}

static bool
is_all(const unsigned char *p, unsigned char byte, size_t n)
{
	return n == 0 || (p[0] == byte && memcmp(p, p + 1, n - 1) == 0);
}

void
slot_check(const struct slot *s, const unsigned char *p, size_t n)
{
	if (s->usable <= WHOLE_MAX) {
		must(is_all(p, s->byte, n < s->usable ? n : s->usable));
		return;
	}
	for (size_t at = 0; at < n && at < s->usable; at += PAGE)
		must(p[at] == s->byte);
	if (n >= s->usable)
		must(p[s->usable - 1] == s->byte);
}

void
check_zero(const unsigned char *p, size_t from, size_t to)
{
	if (to - from <= WHOLE_MAX) {
		must(from >= to || is_all(p + from, 0, to - from));
		return;
	}
	for (size_t at = from; at < to; at += PAGE)
		must(p[at] == 0);
	must(p[to - 1] == 0);
}

/* --- the model ------------------------------------------------------------------- */

static unsigned
arena_of(void *p)
{
	unsigned arena = NO_ARENA;
	size_t len = sizeof arena;

	must(tri_mallctl("arenas.lookup", &arena, &len, &p, sizeof p) == 0);
	return arena;
}

void
slot_begin(struct slot *s, void *p, size_t asked, size_t alignment)
{
	if (p == NULL) {
		must(may_fail);
		return;
	}
	s->p = p;
	s->asked = asked;
	s->alignment = alignment;
	s->usable = tri_malloc_usable_size(p);
	s->arena = arena_of(p);
	must((uintptr_t)p % 16 == 0 && (uintptr_t)p % alignment == 0);
	must(s->usable >= asked && s->usable > 0);
	must(tri_sallocx(p, 0) == s->usable);
	live += s->usable;
	slot_fill(s);
}

void
slot_end(struct slot *s)
{
	slot_check(s, s->p, s->usable);
	live -= s->usable;
	s->p = NULL;
}

void
forget_arena(unsigned arena)
{
	for (unsigned i = 0; i < NSLOTS; i++) {
		if (slots[i].p != NULL && slots[i].arena == arena) {
			live -= slots[i].usable;
			slots[i].p = NULL;
		}
	}
}

/* --- arguments --------------------------------------------------------------------- */

size_t
take_size(void)
{
	unsigned kind = take_byte(&in), bits = kind & 31;
	size_t size;

	bits = bits < 22 ? bits : bits - 12;
	size = (size_t)1 << bits;
	/* Around a power of two, or anywhere below the next. */
	if (kind & 32)
		return size + (take_byte(&in) & 15) - (size > 8 ? 8 : 1);
	return size + (take_number(&in, 3) & (size - 1));
}

size_t
take_too_much(void)
{
	static const size_t most[] = { SIZE_MAX, PTRDIFF_MAX, (size_t)1 << 48 };

	return most[take_byte(&in) % COUNT_OF(most)] - take_byte(&in) * PAGE;
}

size_t
take_alignment(void)
{
	return (size_t)1 << (take_byte(&in) % 18);
}

bool
there_is_room(size_t bytes)
{
	return live + bytes <= LIVE_MAX;
}
