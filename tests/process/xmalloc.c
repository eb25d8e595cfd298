/*
 * xmalloc.c -- the option xmalloc: where there is no memory the process ends,
 * and the sentence names who asked and for how much.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "memory.h"
#include "xlib.h"

#define ADDRESS_SPACE (256 * MIB)
#define TOO_MUCH      (1024 * MIB)

static void
malloc_ends_it(void)
{
	free(malloc(hide_size(TOO_MUCH)));
}

static void
the_last_small_block_ends_it(void)
{
	while (malloc(hide_size(1000)) != NULL)
		;
}

static void
calloc_ends_it(void)
{
	free(calloc(1, hide_size(TOO_MUCH)));
}

static void
the_last_small_block_of_calloc_s_ends_it(void)
{
	while (calloc(10, hide_size(100)) != NULL)
		;
}

static void
a_product_that_is_no_size_ends_it(void)
{
	free(calloc(hide_size(SIZE_MAX / 2), 3));
}

static void
realloc_ends_it(void)
{
	char *p = malloc(hide_size(100));

	expect(p != NULL);
	p = realloc(p, hide_size(TOO_MUCH));
	free(p);
}

static void
reallocarray_ends_it(void)
{
	free(reallocarray(NULL, hide_size(SIZE_MAX / 2), 3));
}

static void
memalign_ends_it(void)
{
	free(memalign(4096, hide_size(TOO_MUCH)));
}

static void
aligned_alloc_ends_it(void)
{
	free(aligned_alloc(4096, hide_size(TOO_MUCH)));
}

static void
posix_memalign_ends_it(void)
{
	void *p;

	posix_memalign(&p, 4096, hide_size(TOO_MUCH));
}

static void
valloc_ends_it(void)
{
	free(valloc(hide_size(TOO_MUCH)));
}

static void
pvalloc_ends_it(void)
{
	free(pvalloc(hide_size(TOO_MUCH)));
}

static void
mallocx_ends_it(void)
{
	x_load();
	x.mallocx(TOO_MUCH, X_ZERO);
}

static void
rallocx_ends_it(void)
{
	void *p;

	x_load();
	p = x.mallocx(100, X_ZERO);
	expect(p != NULL);
	x.rallocx(p, TOO_MUCH, X_ZERO);
}

static void
what_is_wrong_but_no_lack_of_memory_is_answered(void)
{
	void *p = NULL;

	errno = 0;
	expect(aligned_alloc(hide_size(48), 100) == NULL && errno == EINVAL);
	expect(posix_memalign(&p, hide_size(3), 100) == EINVAL);
	p = malloc(hide_size(100));
	expect(p != NULL && realloc(p, 0) == NULL);
}

static void
without_it_null_is_the_answer(void)
{
	errno = 0;
	expect(malloc(hide_size(TOO_MUCH)) == NULL && errno == ENOMEM);
	errno = 0;
	expect(calloc(hide_size(SIZE_MAX / 2), 3) == NULL && errno == ENOMEM);
}

/* A case that ends with the sentence of `name`. */
#define ENDS(function, name)                                                   \
	CASE(function, .conf = "xmalloc:true", .address_space = ADDRESS_SPACE, \
	     .signal = SIGABRT,                                                \
	     .says = { "^trimalloc: " name                                     \
		       "\\(\\): out of memory for [0-9]+ bytes$" })

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		ENDS(malloc_ends_it, "malloc"),
		ENDS(the_last_small_block_ends_it, "malloc"),
		ENDS(calloc_ends_it, "calloc"),
		ENDS(the_last_small_block_of_calloc_s_ends_it, "calloc"),
		ENDS(a_product_that_is_no_size_ends_it, "calloc"),
		ENDS(realloc_ends_it, "realloc"),
		ENDS(reallocarray_ends_it, "reallocarray"),
		ENDS(memalign_ends_it, "memalign"),
		ENDS(aligned_alloc_ends_it, "aligned_alloc"),
		ENDS(posix_memalign_ends_it, "posix_memalign"),
		ENDS(valloc_ends_it, "valloc"),
		ENDS(pvalloc_ends_it, "pvalloc"),
		ENDS(mallocx_ends_it, "mallocx"),
		ENDS(rallocx_ends_it, "rallocx"),
		CASE(what_is_wrong_but_no_lack_of_memory_is_answered,
		     .conf = "xmalloc:true"),
		CASE(without_it_null_is_the_answer,
		     .address_space = ADDRESS_SPACE),
	};

	return RUN_CASES(argc, argv, cases);
}
