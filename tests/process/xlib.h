/*
 * xlib.h -- jemalloc's functions with flags, as programs find them.
 *
 * Above   the programs of tests/process that call them
 * Lock    none
 * Always  x_load() ran first; each function is the library's
 */
#ifndef TESTS_PROCESS_XLIB_H
#define TESTS_PROCESS_XLIB_H

#include <stddef.h>

#include "library.h"

#define X_LG(lg)     ((int)(lg))
#define X_ZERO       0x40
#define X_NONE       (1 << 8)
#define X_TCACHE(tc) ((int)(((unsigned)(tc) + 2) << 8))
#define X_ARENA(a)   ((int)(((unsigned)(a) + 1) << 20))

static struct {
	void *(*mallocx)(size_t, int);
	void *(*rallocx)(void *, size_t, int);
	size_t (*xallocx)(void *, size_t, size_t, int);
	size_t (*sallocx)(const void *, int);
	void (*dallocx)(void *, int);
	void (*sdallocx)(void *, size_t, int);
	size_t (*nallocx)(size_t, int);
} x;

#define X_LOOK_UP(name) (*(void **)(void *)&x.name = library_function(#name))

static inline void
x_load(void)
{
	X_LOOK_UP(mallocx);
	X_LOOK_UP(rallocx);
	X_LOOK_UP(xallocx);
	X_LOOK_UP(sallocx);
	X_LOOK_UP(dallocx);
	X_LOOK_UP(sdallocx);
	X_LOOK_UP(nallocx);
}

#endif
