/*
 * dumped.c -- core dumps hold every block, and little of what is reserved and
 * was never touched: gdb's gcore writes all that is not left out of them.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "memory.h"

/* Stacks, tables that reach ahead, and what other libraries have. */
static size_t slack = 256 * MIB;

/* What a dump holds, by /proc/self/smaps. */
struct dump {
	size_t bytes, resident;
	bool has_block; /* all of one */
};

static bool
is_left_out(const char *flags)
{
	return strstr(flags, " dd") != NULL || strstr(flags, " io") != NULL;
}

static struct dump
dump_of(const char *block, size_t n)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct dump d = { 0, 0, false };
	uintptr_t start = 0, end = 0, upto = (uintptr_t)block;
	size_t rss = 0, kib;
	char line[512];

	expect(f != NULL);
	while (fgets(line, sizeof line, f) != NULL) {
		uintptr_t from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			start = from;
			end = to;
			continue;
		}
		if (sscanf(line, "Rss: %zu", &kib) == 1)
			rss = kib * KIB;
		if (strncmp(line, "VmFlags:", 8) != 0 || is_left_out(line + 8))
			continue;
		d.bytes += end - start;
		d.resident += rss;
		if (start <= upto && upto < end)
			upto = end;
	}
	fclose(f);
	d.has_block = upto >= (uintptr_t)block + n;
	return d;
}

static void
block_is_dumped(size_t n)
{
	char *p = hide(malloc(n));
	struct dump d;

	expect(p != NULL);
	memset(p, 1, n);
	d = dump_of(p, n);
	expect_for(d.has_block, "%zu", n);
	expect_for(d.bytes < d.resident + slack, "%zu of %zu", d.bytes,
		   d.resident);
	/* It stays: the next one reaches further. */
}

static void
dumps_hold_blocks_and_not_what_was_never_touched(void)
{
	static const size_t sizes[] = { 100, 20 * KIB, MIB, 3 * MIB,
					100 * MIB };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		block_is_dumped(sizes[i]);
	for (size_t i = 0; i < 40; i++)
		block_is_dumped(10 * MIB);
}

/* The first one within 2 GiB, and what is left out in front of it may be used. */
static void
where_chunks_lie_anywhere_dumps_hold_blocks_too(void)
{
	slack += 2048 * MIB;
	dumps_hold_blocks_and_not_what_was_never_touched();
}

static void
what_went_back_and_came_again_is_dumped(void)
{
	free(hide(malloc(100 * MIB)));
	malloc_trim(0);
	block_is_dumped(90 * MIB);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(dumps_hold_blocks_and_not_what_was_never_touched),
		CASE(where_chunks_lie_anywhere_dumps_hold_blocks_too,
		     .conf = "randomize:true"),
		CASE(what_went_back_and_came_again_is_dumped),
		{ .name = "so_it_is_below_a_limit_of_address_space",
		  .run = what_went_back_and_came_again_is_dumped,
		  .address_space = 2ul << 30 },
	};

	return RUN_CASES(argc, argv, cases);
}
