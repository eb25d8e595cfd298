/*
 * made.h -- arenas and caches made through mallctl, as programs make them.
 *
 * Above   the programs of tests/process that make some
 * Lock    none
 * Always  made_load() ran first; what must work and does not fails the case
 */
#ifndef TESTS_PROCESS_MADE_H
#define TESTS_PROCESS_MADE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "case.h"
#include "xlib.h"

static int (*ctl)(const char *, void *, size_t *, void *, size_t);

static inline void
made_load(void)
{
	x_load();
	*(void **)(void *)&ctl = library_function("mallctl");
}

/* Runs an action of an arena: "arena.%u.reset". */
static inline int
arena_do(const char *format, unsigned arena)
{
	char name[64];

	snprintf(name, sizeof name, format, arena);
	return ctl(name, NULL, NULL, NULL, 0);
}

static inline unsigned
make_number(const char *name)
{
	unsigned n = UINT32_MAX;
	size_t len = sizeof n;

	expect_for(ctl(name, &n, &len, NULL, 0) == 0, "%s", name);
	return n;
}

static inline unsigned
make_arena(void)
{
	return make_number("arenas.create");
}

static inline unsigned
make_cache(void)
{
	return make_number("tcache.create");
}

static inline void
end_cache(unsigned cache)
{
	expect(ctl("tcache.destroy", NULL, NULL, &cache, sizeof cache) == 0);
}

static inline void
end_arena(unsigned arena)
{
	expect(arena_do("arena.%u.destroy", arena) == 0);
}

/* The arena that a block is of. */
static inline unsigned
arena_at(const void *p)
{
	unsigned n = UINT32_MAX;
	size_t len = sizeof n;

	expect(ctl("arenas.lookup", &n, &len, &p, sizeof p) == 0);
	return n;
}

#endif
