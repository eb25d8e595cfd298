/*
 * probe.c -- the program whose instructions `instructions` counts.
 *
 *   probe pair|batch real|empty SIZE N
 *
 * pair   N times: malloc of SIZE bytes, free
 * batch  N / BATCH times: BATCH mallocs, then BATCH frees
 * empty  the same calls, of a function that returns at once
 *
 * All calls go through pointers that the compiler cannot see through, so that
 * the caller's part is the same in all modes. Prints the file that malloc
 * comes from.
 */
#include "bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 100 };

static void *(*volatile allocate)(size_t bytes) = malloc;
static void (*volatile release)(void *block) = free;

/* One instruction each: `ret`. Written in assembly since compilers may put
 * landing pads at the start of a function. */
void *empty_allocate(size_t bytes);
void empty_release(void *block);
__asm__(".text\n"
	".type empty_allocate, @function\n"
	".type empty_release, @function\n"
	"empty_allocate:\n"
	"empty_release:\n"
	"	ret\n");

static void
run_pairs(size_t size, uint64_t n)
{
	void *(*const get)(size_t) = allocate;
	void (*const put)(void *) = release;

	while (n--)
		put(get(size));
}

static void
run_batches(size_t size, uint64_t n)
{
	void *(*const get)(size_t) = allocate;
	void (*const put)(void *) = release;
	void *blocks[BATCH];

	for (n /= BATCH; n > 0; n--) {
		for (int i = 0; i < BATCH; i++)
			blocks[i] = get(size);
		for (int i = 0; i < BATCH; i++)
			put(blocks[i]);
	}
}

static void
print_library(void)
{
	Dl_info info;
	void *symbol = dlsym(RTLD_DEFAULT, "malloc");

	if (!symbol || !dladdr(symbol, &info))
		bench_die("malloc comes from nowhere");
	puts(info.dli_fname);
}

int
main(int argc, char **argv)
{
	size_t size;
	uint64_t n;

	if (argc != 5)
		bench_die("usage: probe pair|batch real|empty SIZE N");
	size = strtoul(argv[3], NULL, 10);
	n = strtoull(argv[4], NULL, 10);
	if (strcmp(argv[2], "empty") == 0) {
		allocate = empty_allocate;
		release = empty_release;
	}
	if (strcmp(argv[1], "batch") == 0)
		run_batches(size, n);
	else
		run_pairs(size, n);
	print_library();
	return 0;
}
