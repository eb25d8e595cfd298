/*
 * limits.c -- when address space, memory or mappings are used up: NULL and
 * ENOMEM, no harm to what there is, and service as soon as there is room.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

#define ADDRESS_SPACE (256 * MIB)
#define DATA          (128 * MIB)

/* A list threaded through the blocks themselves: it needs no memory. */
struct link {
	struct link *next;
	size_t key;
};

/* As many blocks of n bytes as there are; each is written at both ends. */
static struct link *
take_all(size_t n, size_t *count)
{
	struct link *list = NULL;

	for (*count = 0;; (*count)++) {
		struct link *l;

		errno = 0;
		l = malloc(hide_size(n));
		if (l == NULL)
			break;
		l->next = list;
		l->key = *count;
		if (n > sizeof *l)
			((char *)l)[n - 1] = (char)*count;
		list = l;
	}
	expect_for(errno == ENOMEM, "errno %d", errno);
	return list;
}

static void
give_all(struct link *list, size_t n, size_t count)
{
	while (list != NULL) {
		struct link *next = list->next;

		count--;
		expect(list->key == count);
		if (n > sizeof *list)
			expect(((char *)list)[n - 1] == (char)count);
		free(list);
		list = next;
	}
	expect(count == 0);
}

/* Four blocks, so that there is memory for stdio. */
static struct link *
give_some(struct link *list, size_t *count)
{
	for (int i = 0; i < 4; i++, --*count) {
		struct link *next = list->next;

		free(list);
		list = next;
	}
	return list;
}

/* Twice: what was freed can be had again, at nine tenths at least. */
static void
use_all(size_t n, size_t least)
{
	size_t first, second;
	struct link *list = take_all(n, &first);

	expect_for(first * n >= least, "only %zu times %zu bytes", first, n);
	give_all(list, n, first);
	list = take_all(n, &second);
	expect_for(second >= first - first / 10, "%zu blocks of %zu, then %zu",
		   first, n, second);
	give_all(list, n, second);
}

static void
use_all_at_every_size(size_t least)
{
	static const size_t sizes[] = { 16,     64,  1000,    4096,    20000,
					100000, MIB, 3 * MIB, 10 * MIB };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		use_all(sizes[i], least);
}

/* The program and its libraries take some of it. */
static void
under_an_address_space_limit_blocks_end_with_enomem(void)
{
	use_all_at_every_size(ADDRESS_SPACE / 2);
}

static void
under_a_data_limit_blocks_end_with_enomem(void)
{
	use_all_at_every_size(DATA / 2);
}

static void
a_small_address_space_is_enough_to_start(void)
{
	live_a_life(1, 1000);
	use_all(1000, 4 * MIB);
}

static void
what_cannot_grow_stays_as_it_was(void)
{
	size_t count, n = 2 * MIB + 100;
	void *p = malloc(hide_size(n)), *q = malloc(hide_size(100));
	void *untouched = &n;
	struct link *list;

	expect(p != NULL && q != NULL);
	pattern_fill(p, n, 1);
	pattern_fill(q, 100, 2);
	list = take_all(64 * KIB, &count);
	errno = 0;
	expect(realloc(p, hide_size(20 * MIB)) == NULL && errno == ENOMEM);
	errno = 0;
	expect(realloc(q, hide_size(MIB)) == NULL && errno == ENOMEM);
	errno = 0;
	expect(calloc(1, hide_size(5 * MIB)) == NULL && errno == ENOMEM);
	errno = 0;
	errno = 77;
	expect(posix_memalign(&untouched, MIB, hide_size(3 * MIB)) == ENOMEM);
	expect(errno == 77 && untouched == &n);
	errno = 0;
	expect(aligned_alloc(MIB, hide_size(3 * MIB)) == NULL &&
	       errno == ENOMEM);
	expect(pattern_check(p, n, 1) == n && pattern_check(q, 100, 2) == 100);
	give_all(list, 64 * KIB, count);
	p = realloc(p, hide_size(20 * MIB));
	expect(p != NULL && pattern_check(p, n, 1) == n);
	free(p);
	free(q);
}

static size_t
largest_block(void)
{
	for (size_t n = ADDRESS_SPACE; n > 0; n -= MIB) {
		void *p = malloc(hide_size(n));

		free(p);
		if (p != NULL)
			return n;
	}
	return 0;
}

/* Each class keeps some empty slabs: an aligned request, too, takes them back. */
static void
an_aligned_block_takes_back_what_free_blocks_keep(void)
{
	size_t most = largest_block(), count;
	void *p;

	expect(most >= ADDRESS_SPACE / 4);
	for (size_t n = 100; n < 16 * KIB; n += n / 4) {
		struct link *list = take_all(n, &count);

		give_all(list, n, count);
	}
	p = aligned_alloc(4096, hide_size(most));
	expect_for(p != NULL, "not %zu MiB again", most / MIB);
	free(p);
}

static void
trimming_and_counting_work_at_the_limit(void)
{
	size_t count;
	struct link *list = take_all(10000, &count);

	expect(mallinfo2().uordblks >= count * 10000);
	malloc_trim(0);
	give_all(list, 10000, count);
	malloc_trim(0);
	live_a_life(2, 1000);
}

static void *
compete(void *i)
{
	size_t n = (size_t)100 << ((uintptr_t)i % 8), count;

	for (int round = 0; round < 3; round++) {
		struct link *list = take_all(n, &count);

		give_all(list, n, count);
	}
	return NULL;
}

static void
threads_compete_for_the_last_block(void)
{
	crowd_run(8, compete);
	use_all(1000, ADDRESS_SPACE / 4);
}

/* --- what is counted though nobody uses it ---------------------------------------------- */

/* What the machine has promised of its memory and swap, mode 2 or not. */
static size_t
charged_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	size_t kib = 0, sum = 0;
	char line[512];

	expect(f != NULL);
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "Size: %zu", &kib) != 1 &&
		    strncmp(line, "VmFlags:", 8) == 0 &&
		    strstr(line, " ac ") != NULL)
			sum += kib * KIB;
	}
	fclose(f);
	return sum;
}

static bool
data_falls_to(size_t bytes, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (; data_bytes() > bytes; timeout_ms -= 10) {
		if (timeout_ms <= 0)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Most of what there may be, of blocks of n bytes. */
static size_t
use_most(size_t n)
{
	size_t before = data_bytes(), count;
	struct link *list = take_all(n, &count);

	expect_for(data_bytes() >= before + DATA / 2, "%zu", data_bytes());
	give_all(list, n, count);
	return before;
}

/* Whole chunks of 2 MiB; in a few others something is left. */
static void
expect_room_for_others(void)
{
	void *p = mmap(NULL, DATA / 2, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(p != MAP_FAILED);
	munmap(p, DATA / 2);
	/* And for us again. */
	use_all(64 * KIB, DATA / 2);
	live_a_life(4, 1000);
}

static void
trimming_makes_room_for_the_program_s_own_mappings(void)
{
	static const size_t sizes[] = { 100, 5000, 64 * KIB, MIB, 9 * MIB };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t before = use_most(sizes[i]);

		expect(malloc_trim(0) == 1);
		expect_for(data_bytes() <= before + 4 * MIB,
			   "%zu: %zu KiB, before %zu", sizes[i],
			   data_bytes() / KIB, before / KIB);
	}
	expect_room_for_others();
}

static void
what_is_free_is_not_charged_for(void)
{
	size_t before = charged_bytes(), count, during;
	struct link *list = take_all(MIB, &count);

	list = give_some(list, &count);
	during = charged_bytes();
	expect_for(during >= before + DATA / 2, "%zu KiB", during / KIB);
	give_all(list, MIB, count);
	expect(malloc_trim(0) == 1);
	expect_for(charged_bytes() <= before + 4 * MIB, "%zu KiB, before %zu",
		   charged_bytes() / KIB, before / KIB);
}

static void
free_memory_makes_room_for_others_by_itself(void)
{
	size_t before = use_most(MIB);

	expect_for(data_falls_to(before + 4 * MIB, 10000),
		   "%zu KiB, before %zu", data_bytes() / KIB, before / KIB);
	expect_room_for_others();
}

/* The addresses are kept; but neither this process nor the machine pays. */
static void
under_an_address_space_limit_free_memory_is_no_data(void)
{
	size_t before = use_most(MIB);

	expect(malloc_trim(0) == 1);
	expect_for(data_bytes() <= before + 4 * MIB, "%zu KiB, before %zu",
		   data_bytes() / KIB, before / KIB);
	use_all(64 * KIB, ADDRESS_SPACE / 2);
}

/* Time and again: what goes comes again, and nothing is lost on the way. */
static void
what_was_given_up_can_be_had_again_many_times(void)
{
	for (int i = 0; i < 30; i++) {
		use_all(i % 2 == 0 ? 300 * KIB : 3 * MIB, DATA / 2);
		malloc_trim(0);
	}
}

/* --- out of mappings ------------------------------------------------------------------ */

#define N_MAPPINGS 70000
static void *mappings[N_MAPPINGS];

/* Neighbours of other protection do not merge: each counts. */
static size_t
use_up_mappings(void)
{
	size_t n = 0;

	for (; n < N_MAPPINGS; n++) {
		mappings[n] = mmap(NULL, 4096,
				   n % 2 == 0 ? PROT_READ : PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (mappings[n] == MAP_FAILED)
			break;
	}
	return n;
}

/* Whatever can be had may be used; what cannot fails as it should. */
static void
live_from_hand_to_mouth(void)
{
	struct random r = { .state = 6 };

	for (int i = 0; i < 2000; i++) {
		size_t n = random_size(&r, 4 * MIB) + 1;
		void *p, *q;

		errno = 0;
		p = malloc(n);
		expect_for(p != NULL || errno == ENOMEM, "errno %d", errno);
		if (p == NULL)
			continue;
		pattern_fill(p, n, n);
		q = realloc(p, n + n / 2);
		expect(q != NULL || errno == ENOMEM);
		p = q != NULL ? q : p;
		expect(pattern_check(p, n, n) == n);
		free(p);
	}
}

static void
without_a_mapping_left_nothing_is_lost(void)
{
	void *kept = malloc(hide_size(10 * MIB));
	size_t n;

	expect(kept != NULL);
	pattern_fill(kept, 10 * MIB, 5);
	n = use_up_mappings();
	expect_for(n < N_MAPPINGS, "%d mappings are not enough here",
		   N_MAPPINGS);
	live_from_hand_to_mouth();
	malloc_trim(0);
	live_from_hand_to_mouth();
	expect(pattern_check(kept, 10 * MIB, 5) == 10 * MIB);
	free(kept);
	while (n > 0)
		munmap(mappings[--n], 4096);
	kept = malloc(hide_size(100 * MIB));
	expect(kept != NULL);
	free(kept);
	live_a_life(3, 1000);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(under_an_address_space_limit_blocks_end_with_enomem,
		     .address_space = ADDRESS_SPACE),
		CASE(under_a_data_limit_blocks_end_with_enomem, .data = DATA),
		CASE(a_small_address_space_is_enough_to_start,
		     .address_space = 64 * MIB),
		CASE(what_cannot_grow_stays_as_it_was,
		     .address_space = ADDRESS_SPACE),
		CASE(an_aligned_block_takes_back_what_free_blocks_keep,
		     .address_space = ADDRESS_SPACE),
		CASE(trimming_and_counting_work_at_the_limit,
		     .address_space = ADDRESS_SPACE),
		CASE(threads_compete_for_the_last_block,
		     .address_space = ADDRESS_SPACE),
		CASE(trimming_makes_room_for_the_program_s_own_mappings,
		     .data = DATA),
		CASE(what_is_free_is_not_charged_for, .data = DATA),
		CASE(free_memory_makes_room_for_others_by_itself, .data = DATA),
		CASE(what_was_given_up_can_be_had_again_many_times,
		     .data = DATA),
		CASE(under_an_address_space_limit_free_memory_is_no_data,
		     .address_space = ADDRESS_SPACE),
		CASE(without_a_mapping_left_nothing_is_lost),
	};

	return RUN_CASES(argc, argv, cases);
}
