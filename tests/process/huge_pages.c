/*
 * huge_pages.c -- the option thp, and holes that stay holes where the system
 * makes huge pages of everything.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "group.h"
#include "info.h"
#include "memory.h"
#include "system.h"

#define HUGE_BYTES  (2 * MIB)
#define PATIENCE_MS 10000

/* --- what the kernel says of a mapping ------------------------------------------------ */

struct mapping {
	uintptr_t start, end;
	size_t huge; /* bytes */
	char flags[256];
};

/* The mapping that an address lies in. */
static struct mapping
mapping_of(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct mapping m = { 0, 0, 0, "" };
	bool found = false;
	char line[512];
	size_t kib;

	expect(f != NULL);
	while (fgets(line, sizeof line, f) != NULL && m.flags[0] == '\0') {
		if (sscanf(line, "%lx-%lx ", &m.start, &m.end) == 2)
			found = (uintptr_t)p >= m.start && (uintptr_t)p < m.end;
		else if (found && sscanf(line, "AnonHugePages: %zu", &kib) == 1)
			m.huge = kib * KIB;
		else if (found && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(m.flags, sizeof m.flags, "%.250s", line + 8);
	}
	fclose(f);
	expect(m.flags[0] != '\0');
	return m;
}

static bool
has_flag(const void *p, const char *flag)
{
	char word[8];

	snprintf(word, sizeof word, " %s ", flag);
	return strstr(mapping_of(p).flags, word) != NULL;
}

/* --- blocks ------------------------------------------------------------------------- */

/* Blocks of 64 KiB: 32 in a chunk of 2 MiB. */
enum { N_BLOCKS = 512 };
static char *blocks[N_BLOCKS];

static void
alloc_blocks(void)
{
	for (size_t i = 0; i < N_BLOCKS; i++) {
		blocks[i] = malloc(hide_size(64 * KIB));
		expect(blocks[i] != NULL);
		memset(blocks[i], 1, 64 * KIB);
	}
}

/* One in each chunk, and around it a hole. */
static bool
is_survivor(const char *p)
{
	return (uintptr_t)p / (64 * KIB) % 32 == 5;
}

static char *
make_holes(void)
{
	char *survivor = NULL;

	for (size_t i = 0; i < N_BLOCKS; i++) {
		if (is_survivor(blocks[i]))
			survivor = blocks[i];
		else
			free(blocks[i]);
	}
	expect(survivor != NULL);
	return survivor;
}

static void
free_survivors(void)
{
	for (size_t i = 0; i < N_BLOCKS; i++) {
		if (is_survivor(blocks[i]))
			free(blocks[i]);
	}
}

/* Of every kind: in a slab, a page run, chunks of its own. */
static void
expect_flag_everywhere(const char *flag, bool is_there)
{
	static const size_t sizes[] = { 10,        1000,    10000,
					100 * KIB, 3 * MIB, 20 * MIB };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char *p = malloc(hide_size(sizes[i]));

		expect(p != NULL);
		*p = 1;
		expect_for(has_flag(p, flag) == is_there, "%zu: %s", sizes[i],
			   mapping_of(p).flags);
		free(p);
	}
}

/* --- the option ----------------------------------------------------------------------- */

static void
by_default_nothing_is_advised(void)
{
	expect_flag_everywhere("hg", false);
	if (!system_makes_huge_pages("always"))
		expect_flag_everywhere("nh", false);
}

static void
never_advises_against_huge_pages_everywhere(void)
{
	expect_flag_everywhere("nh", true);
	alloc_blocks();
	make_holes();
	malloc_trim(0);
	free_survivors();
	malloc_trim(0);
	expect_flag_everywhere("nh", true);
}

static void
always_advises_to_make_huge_pages_everywhere(void)
{
	expect_flag_everywhere("hg", true);
	expect_flag_everywhere("nh", false);
}

/* Else khugepaged would fill the holes. */
static void
with_always_a_chunk_with_holes_is_advised_against_them(void)
{
	char *survivor;

	alloc_blocks();
	survivor = make_holes();
	expect(!has_flag(survivor, "nh"));
	expect(malloc_trim(0) == 1);
	expect_for(has_flag(survivor, "nh"), "%s", mapping_of(survivor).flags);
}

/* But for chunks that hold something else besides, of stdio say. */
static void
with_always_a_chunk_that_was_wholly_free_may_have_them_again(void)
{
	size_t nsmall = 0;

	alloc_blocks();
	make_holes();
	malloc_trim(0);
	free_survivors();
	malloc_trim(0);
	alloc_blocks();
	for (size_t i = 0; i < N_BLOCKS; i++)
		nsmall += has_flag(blocks[i], "nh");
	expect_for(nsmall <= 64, "%zu of %d blocks", nsmall, N_BLOCKS);
}

/*
 * A block of a little more than a huge page touches two of them: what it leaves
 * of the second is in nobody's books.
 */
static void
free_chunks_keep_nothing_of_their_huge_pages(void)
{
	enum { N = 50 };
	size_t before = resident_bytes(), n = HUGE_BYTES + 64 * KIB;
	char *p[N];

	for (size_t i = 0; i < N; i++) {
		p[i] = malloc(hide_size(n));
		expect(p[i] != NULL);
		memset(p[i], 1, n);
	}
	if (mapping_of(p[N / 2]).huge < 64 * MIB)
		case_skipped("the kernel had no huge pages");
	for (size_t i = 0; i < N; i++)
		free(p[i]);
	malloc_trim(0);
	expect_for(resident_bytes() <= before + 3 * MIB, "%zu KiB, before %zu",
		   resident_bytes() / KIB, before / KIB);
}

/* --- what a container pays ------------------------------------------------------------ */

/*
 * MADV_DONTNEED alone takes a part of a huge page out of the process and leaves
 * it in the group's bill, until the kernel looks for memory.
 */
static void
what_is_given_back_of_huge_pages_is_out_of_the_bill(void)
{
	size_t before = group_read(GROUP_USAGE), now;
	char *survivor;

	alloc_blocks();
	if (mapping_of(blocks[N_BLOCKS / 2]).huge < 16 * MIB)
		case_skipped("the kernel had no huge pages");
	survivor = make_holes();
	malloc_trim(0);
	expect(*survivor == 1);
	now = group_read(GROUP_USAGE);
	expect_for(now <= before + N_BLOCKS / 32 * 64 * KIB + 3 * MIB,
		   "%zu KiB before, %zu KiB after", before / KIB, now / KIB);
}

/* --- statistics ------------------------------------------------------------------------ */

static void
statistics_count_the_bytes_in_huge_pages(void)
{
	size_t n = 64 * MIB, before, huge;
	char *p;

	if (system_makes_huge_pages("never"))
		case_skipped("this system makes no huge pages");
	before = info_number("huge");
	p = malloc(hide_size(n));
	expect(p != NULL);
	memset(p, 1, n);
	huge = mapping_of(p).huge;
	if (huge < n / 2)
		case_skipped("the kernel had no huge pages");
	expect_for(info_number("huge") == huge, "%zu, and %zu in smaps",
		   info_number("huge"), huge);
	expect_for(info_number("resident") >= n, "%zu",
		   info_number("resident"));
	malloc_stats();
	free(p);
	malloc_trim(0);
	expect_for(info_number("huge") <= before, "%zu, before %zu",
		   info_number("huge"), before);
}

/* --- where the system makes them of everything ------------------------------------------ */

static void
sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/*
 * Two MiB with one page in it, which khugepaged finds and makes a huge page:
 * it has been here. NULL where there is no room.
 */
static void
wait_for_khugepaged(void)
{
	char *area = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *page = (char *)(((uintptr_t)area + HUGE_BYTES - 1) &
			      ~(HUGE_BYTES - 1));

	expect(area != MAP_FAILED);
	/* Not by the page fault. */
	expect(madvise(page, HUGE_BYTES, MADV_NOHUGEPAGE) == 0);
	*(volatile char *)page = 1;
	expect(madvise(page, HUGE_BYTES, MADV_HUGEPAGE) == 0);
	for (int i = 0; mapping_of(page).huge == 0; i++) {
		if (i == 1500)
			case_skipped("khugepaged does not come by here");
		sleep_ms(10);
	}
	munmap(area, 2 * HUGE_BYTES);
}

/* It goes through a process in the order of addresses, time and again. */
static void
wait_for_several_rounds_of_khugepaged(void)
{
	for (int i = 0; i < 4; i++)
		wait_for_khugepaged();
}

static void
expect_holes_to_stay(void)
{
	size_t before = resident_bytes(), least;
	char *survivor;

	alloc_blocks();
	survivor = make_holes();
	least = before + N_BLOCKS / 32 * 64 * KIB;
	expect_for(resident_falls_to(least + MIB, PATIENCE_MS), "%zu KiB",
		   (resident_bytes() - before) / KIB);
	wait_for_several_rounds_of_khugepaged();
	expect_for(resident_bytes() <= least + MIB, "%zu KiB at least, %zu KiB",
		   (least - before) / KIB, (resident_bytes() - before) / KIB);
	expect(mapping_of(survivor).huge == 0);
}

static void
where_the_system_makes_huge_pages_of_everything_holes_stay_holes(void)
{
	struct switched *s = system_switch_huge_pages("always");

	expect_holes_to_stay();
	system_restore(s);
}

static void
with_always_holes_stay_holes_too(void)
{
	struct switched *s = system_switch_huge_pages("madvise");

	expect_holes_to_stay();
	system_restore(s);
}

/* The option has the last word. */
static void
with_never_nothing_becomes_huge_whatever_the_system_makes(void)
{
	struct switched *s = system_switch_huge_pages("always");

	alloc_blocks();
	wait_for_several_rounds_of_khugepaged();
	expect(info_number("huge") == 0);
	system_restore(s);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(by_default_nothing_is_advised),
		CASE(never_advises_against_huge_pages_everywhere,
		     .conf = "thp:never"),
		CASE(always_advises_to_make_huge_pages_everywhere,
		     .conf = "thp:always"),
		CASE(with_always_a_chunk_with_holes_is_advised_against_them,
		     .conf = "thp:always,decay_ms:-1"),
		CASE(with_always_a_chunk_that_was_wholly_free_may_have_them_again,
		     .conf = "thp:always,decay_ms:-1"),
		CASE(free_chunks_keep_nothing_of_their_huge_pages,
		     .conf = "thp:always,decay_ms:-1"),
		CASE(what_is_given_back_of_huge_pages_is_out_of_the_bill,
		     .conf = "thp:always,decay_ms:-1", .memory_limit = GIB),
		CASE(statistics_count_the_bytes_in_huge_pages,
		     .conf = "thp:always,decay_ms:-1",
		     .says_somewhere = "^  in huge pages  +[1-9][0-9]+ bytes$"),
		CASE(where_the_system_makes_huge_pages_of_everything_holes_stay_holes),
		CASE(with_always_holes_stay_holes_too, .conf = "thp:always"),
		CASE(with_never_nothing_becomes_huge_whatever_the_system_makes,
		     .conf = "thp:never"),
	};

	return RUN_CASES(argc, argv, cases);
}
