/*
 * misuse.c -- whoever misuses the allocator dies with a sentence.
 *
 * One program per misuse, started under the library. Each writes to standard
 * output which address it is about; it must end by SIGABRT and have written
 * one line to standard error, this one:
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "process/spawn.h"

struct misuse {
	const char *program;
	const char *sentence; /* @ stands for the address */
};

static const struct misuse misuses[] = {
	/* Freed twice. */
	{ "double_free", "free(): @ was already freed" },
	{ "double_free_in_turns", "free(): @ was already freed" },
	{ "double_free_after_others", "free(): @ was already freed" },
	{ "double_free_after_flush", "free(): @ was already freed" },
	{ "double_free_after_trim", "free(): @ was already freed" },
	{ "double_free_after_trim_of_all", "free(): @ was already freed" },
	{ "double_free_by_another_thread", "free(): @ was already freed" },
	{ "double_free_of_an_idle_thread_s", "free(): @ was already freed" },
	{ "double_free_of_a_dead_thread_s", "free(): @ was already freed" },
	{ "double_free_of_64_kib", "free(): @ was already freed" },
	{ "double_free_of_64_kib_after_trim", "free(): @ was already freed" },
	{ "double_free_of_64_kib_after_flush", "free(): @ was already freed" },
	{ "double_free_of_64_kib_of_a_dead_thread_s",
	  "free(): @ was already freed" },
	{ "double_free_of_1_mib", "free(): @ was already freed" },
	{ "double_free_of_1_mib_after_trim", "free(): @ was already freed" },
	{ "double_free_of_8_mib", "free(): @ was already freed" },
	{ "double_free_of_8_mib_after_trim", "free(): @ was already freed" },
	{ "double_free_of_aligned", "free(): @ was already freed" },
	{ "double_free_in_a_child", "free(): @ was already freed" },

	/* Freed twice, and the block's page went back meanwhile. */
	{ "double_free_in_a_page_given_back", "free(): @ was already freed" },
	{ "double_free_in_a_page_that_went_by_itself",
	  "free(): @ was already freed" },
	{ "double_free_next_to_a_page_given_back",
	  "free(): @ was already freed" },
	{ "free_inside_a_page_given_back", "free(): @ was already freed" },
	{ "realloc_in_a_page_given_back", "realloc(): @ was already freed" },

	/* Freed twice, and nobody knows any more which it was. */
	{ "double_free_found_by_the_trim_thread",
	  "free(): a block was freed twice, and its second free came through "
	  "a cache" },

	/* Never allocated here. */
	{ "free_of_stack", "free(): @ is not a pointer of this allocator" },
	{ "free_of_static", "free(): @ is not a pointer of this allocator" },
	{ "free_of_mapping", "free(): @ is not a pointer of this allocator" },
	{ "free_of_a_small_number",
	  "free(): @ is not a pointer of this allocator" },
	{ "free_of_a_negative_number",
	  "free(): @ is not a pointer of this allocator" },
	{ "free_of_never_allocated",
	  "free(): @ is not a pointer of this allocator" },
	{ "free_before_any_malloc",
	  "free(): @ is not a pointer of this allocator" },

	/* Not the first byte. */
	{ "free_inside_small",
	  "free(): @ points into a block (class 64 bytes, offset 16)" },
	{ "free_inside_next_to_the_end",
	  "free(): @ points into a block (class 1024 bytes, offset 1008)" },
	{ "free_misaligned",
	  "free(): @ points into a block (class 64 bytes, offset 1)" },
	{ "free_misaligned_by_a_word",
	  "free(): @ points into a block (class 128 bytes, offset 8)" },
	{ "free_inside_large",
	  "free(): @ points into a block (131072 bytes, offset 4096)" },
	{ "free_inside_large_first_page",
	  "free(): @ points into a block (131072 bytes, offset 16)" },
	{ "free_inside_huge",
	  "free(): @ points into a block (8388608 bytes, offset 5242928)" },

	/* Other functions name themselves. */
	{ "realloc_of_freed", "realloc(): @ was already freed" },
	{ "realloc_of_freed_large", "realloc(): @ was already freed" },
	{ "realloc_to_nothing_of_freed", "realloc(): @ was already freed" },
	{ "realloc_of_foreign",
	  "realloc(): @ is not a pointer of this allocator" },
	{ "realloc_inside",
	  "realloc(): @ points into a block (class 256 bytes, offset 32)" },
	{ "reallocarray_of_freed", "realloc(): @ was already freed" },
	{ "usable_size_of_foreign",
	  "malloc_usable_size(): @ is not a pointer of this allocator" },
	{ "usable_size_of_freed", "malloc_usable_size(): @ was already freed" },
	{ "usable_size_inside",
	  "malloc_usable_size(): @ points into a block (class 512 bytes, offset 64)" },

	/* Wrong beliefs. */
	{ "free_sized_too_small", "free_sized(): @ has size 1024, not 100" },
	{ "free_sized_too_large", "free_sized(): @ has size 1024, not 1025" },
	{ "free_sized_of_large", "free_sized(): @ has size 1048576, not 100" },
	{ "free_sized_of_huge",
	  "free_sized(): @ has size 8388608, not 16777216" },
	{ "free_sized_twice", "free_sized(): @ was already freed" },
	{ "free_sized_of_foreign",
	  "free_sized(): @ is not a pointer of this allocator" },
	{ "free_aligned_sized_wrong_alignment",
	  "free_aligned_sized(): @ was not allocated with alignment 8192" },
	{ "free_aligned_sized_no_alignment",
	  "free_aligned_sized(): @ was not allocated with alignment 48" },
	{ "free_aligned_sized_too_large",
	  "free_aligned_sized(): @ has size 256, not 100000" },
	{ "sdallocx_too_small", "sdallocx(): @ has size 1024, not 100" },
	{ "sdallocx_of_aligned",
	  "sdallocx(): @ was not allocated with alignment 1048576" },

	/* jemalloc's functions. */
	{ "dallocx_past_the_cache_twice", "dallocx(): @ was already freed" },
	{ "mallocx_with_no_such_cache",
	  "mallocx(): there is no thread cache 7" },

	/* With check:full: its programs are named so. */
	{ "checked_overflow",
	  "free(): @ was written to behind its end (100 bytes, offset 100)" },
	{ "checked_overflow_of_calloc",
	  "free(): @ was written to behind its end (100 bytes, offset 105)" },
	{ "checked_overflow_of_aligned",
	  "free(): @ was written to behind its end (192 bytes, offset 192)" },
	{ "checked_overflow_of_64_kib",
	  "free(): @ was written to behind its end (65536 bytes, offset 65536)" },
	{ "checked_overflow_of_8_mib",
	  "free(): @ was written to behind its end (8388608 bytes, offset 8388608)" },
	{ "checked_overflow_of_nothing",
	  "free(): @ was written to behind its end (0 bytes, offset 0)" },
	{ "checked_overflow_into_the_next_block",
	  "free(): @ was written to behind its end (all of what lies behind it, up to byte 128)" },
	{ "checked_overflow_seen_by_realloc",
	  "realloc(): @ was written to behind its end (100 bytes, offset 101)" },
	{ "checked_overflow_seen_by_usable_size",
	  "malloc_usable_size(): @ was written to behind its end (100 bytes, offset 100)" },
	{ "checked_overflow_of_a_shrunk_block",
	  "free(): @ was written to behind its end (90 bytes, offset 95)" },
	{ "checked_write_after_free",
	  "free(): @ was written to after it was freed (100 bytes, offset 8)" },
	{ "checked_write_after_free_of_64_kib",
	  "free(): @ was written to after it was freed (65536 bytes, offset 40000)" },
	{ "checked_write_behind_a_freed_block",
	  "free(): @ was written to after it was freed (100 bytes, offset 100)" },
	{ "checked_write_after_free_found_by_trim",
	  "free(): @ was written to after it was freed (100 bytes, offset 99)" },
	{ "checked_write_after_free_pushed_out",
	  "free(): @ was written to after it was freed (100 bytes, offset 0)" },
	{ "checked_write_after_free_of_a_dead_thread_s",
	  "free(): @ was written to after it was freed (100 bytes, offset 8)" },
	{ "checked_write_after_free_in_a_child",
	  "free(): @ was written to after it was freed (100 bytes, offset 8)" },
	{ "checked_double_free_after_writing", "free(): @ was already freed" },
	{ "checked_double_free_of_64_kib_after_writing",
	  "free(): @ was already freed" },
	{ "checked_double_free_of_8_mib", "free(): @ was already freed" },
	{ "checked_realloc_of_freed", "realloc(): @ was already freed" },
	{ "checked_usable_size_of_freed",
	  "malloc_usable_size(): @ was already freed" },
	{ "checked_free_sized_off_by_one",
	  "free_sized(): @ has size 100, not 99" },
	{ "checked_free_aligned_sized_off_by_one",
	  "free_aligned_sized(): @ has size 192, not 193" },
	{ "checked_sdallocx_off_by_one",
	  "sdallocx(): @ has size 100, not 101" },
};

#define N_MISUSES (sizeof misuses / sizeof misuses[0])

static struct outcome outcome;

/* "trimalloc: free(): 0x7f12 was already freed", with the program's address. */
static void
spell(const char *sentence, const char *address, char *line, size_t size)
{
	const char *at = strchr(sentence, '@');

	if (at == NULL)
		snprintf(line, size, "trimalloc: %s\n", sentence);
	else
		snprintf(line, size, "trimalloc: %.*s%.40s%s\n",
			 (int)(at - sentence), sentence, address, at + 1);
}

static const char *
conf_of(const struct misuse *m)
{
	return strncmp(m->program, "checked_", 8) == 0 ? "check:full" : NULL;
}

static void
dies_with_its_sentence(void **state)
{
	const struct misuse *m = *state;
	char path[128], program[4096], line[512];
	const char *argv[] = { program, NULL };
	struct spawn s = { .argv = argv,
			   .preload = library_path(),
			   .conf = conf_of(m),
			   .timeout_s = 60 };

	snprintf(path, sizeof path, "tests/misuse/%s", m->program);
	snprintf(program, sizeof program, "%s", build_path(path));
	if (!spawn_run(&s, &outcome))
		fail_msg("%s could not be started: %s", program, outcome.err);
	spell(m->sentence, outcome.out, line, sizeof line);
	if (strcmp(outcome.err, line) != 0)
		fail_msg("it said \"%s\" and not \"%s\"; it ended by %s",
			 outcome.err, line, outcome_describe(&outcome));
	if (!WIFSIGNALED(outcome.status) || WTERMSIG(outcome.status) != SIGABRT)
		fail_msg("it ended by %s", outcome_describe(&outcome));
}

int
main(void)
{
	static struct CMUnitTest tests[N_MISUSES];
	static char names[N_MISUSES][80];

	for (size_t i = 0; i < N_MISUSES; i++) {
		snprintf(names[i], sizeof names[i], "%s_dies_with_its_sentence",
			 misuses[i].program);
		tests[i].name = names[i];
		tests[i].test_func = dies_with_its_sentence;
		tests[i].initial_state = (void *)(uintptr_t)&misuses[i];
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
