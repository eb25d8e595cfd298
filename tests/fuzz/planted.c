/*
 * planted.c -- bugs that bounded.py has to find, so that its targets are no
 * tests that cannot fail. The linker puts a __wrap_ function in the place of a
 * real one; PLANTED in the environment says which is wrong.
 */
#include "base/base.h"
#include "fuzz.h"
#include "trimalloc/trimalloc.h"

void *__real_tri_realloc(void *p, size_t n);
void *__wrap_tri_realloc(void *p, size_t n);

void __real_tri_dallocx(void *p, int flags);
void __wrap_tri_dallocx(void *p, int flags);

static bool
is_planted(const char *bug)
{
	const char *planted = getenv("PLANTED");

	return planted != NULL && strcmp(planted, bug) == 0;
}

/* The last byte is not copied where a block shrinks to less than half. */
void *
__wrap_tri_realloc(void *p, size_t n)
{
	size_t before = p != NULL ? tri_malloc_usable_size(p) : 0;
	unsigned char *to = __real_tri_realloc(p, n);

	if (is_planted("contents") && to != NULL && n < before / 2)
		to[n - 1] = 0;
	return to;
}

/* A large block is forgotten. */
void
__wrap_tri_dallocx(void *p, int flags)
{
	if (!is_planted("books") || tri_malloc_usable_size(p) < 64 * KIB)
		__real_tri_dallocx(p, flags);
}
