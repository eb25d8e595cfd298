/*
 * misuse.c -- whoever misuses the allocator dies with a sentence.
 *
 * One program per misuse, started under the library. Each writes to standard
 * output which address it is about; it must end by SIGABRT and have written
 * one line to standard error, this one:
 */
#include <regex.h>
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
	const char *sentence; /* see spell() */
};

static const struct misuse misuses[] = {
	/* Freed twice. */
	{ "double_free",
	  "free(): @ was already freed (class 112 bytes, slot # of a "
	  "slab with # of 576 handed out)" },
	{ "double_free_in_turns",
	  "free(): @ was already freed (class 64 bytes, slot # of a "
	  "slab with # of 1024 handed out)" },
	{ "double_free_after_others",
	  "free(): @ was already freed (class 208 bytes, slot # of a "
	  "slab with # of 312 handed out)" },
	{ "double_free_after_flush",
	  "free(): @ was already freed (class 48 bytes, slot # of a "
	  "slab with # of 1360 handed out)" },
	{ "double_free_after_trim",
	  "free(): @ was already freed (class 1024 bytes, slot # of a "
	  "slab with # of 64 handed out)" },
	{ "double_free_after_trim_of_all",
	  "free(): @ was already freed (its page was given back)" },
	{ "double_free_by_another_thread",
	  "free(): @ was already freed (class 112 bytes, slot # of a "
	  "slab with # of 576 handed out)" },
	{ "double_free_of_an_idle_thread_s",
	  "free(): @ was already freed (class 112 bytes, slot # of a "
	  "slab with # of 576 handed out)" },
	{ "double_free_of_a_dead_thread_s",
	  "free(): @ was already freed (class 112 bytes, slot # of a "
	  "slab with # of 576 handed out)" },
	{ "double_free_of_64_kib",
	  "free(): @ was already freed (a page run of 65536 bytes)" },
	{ "double_free_of_64_kib_after_trim",
	  "free(): @ was already freed (its page was given back)" },
	{ "double_free_of_64_kib_after_flush",
	  "free(): @ was already freed ({a page run of 65536 bytes "
	  "that waits on a shelf/its page is free, and not given back "
	  "yet/its page is on its way back/its page was given back})" },
	{ "double_free_of_64_kib_of_a_dead_thread_s",
	  "free(): @ was already freed ({a page run of 65536 bytes "
	  "that waits on a shelf/its page is free, and not given back "
	  "yet/its page is on its way back/its page was given back})" },
	{ "double_free_of_1_mib",
	  "free(): @ was already freed (its page {is free, and not "
	  "given back yet/is on its way back/was given back})" },
	{ "double_free_of_1_mib_after_trim",
	  "free(): @ was already freed (its page was given back)" },
	{ "double_free_of_8_mib",
	  "free(): @ was already freed (its page {is free, and not "
	  "given back yet/is on its way back/was given back})" },
	{ "double_free_of_8_mib_after_trim",
	  "free(): @ was already freed (its page was given back)" },
	{ "double_free_of_aligned",
	  "free(): @ was already freed (class 4096 bytes, slot # of a "
	  "slab with # of 16 handed out)" },
	{ "double_free_in_a_child",
	  "free(): @ was already freed (class 112 bytes, slot # of a "
	  "slab with # of 576 handed out)" },

	/* Freed twice, and the block's page went back meanwhile. */
	{ "double_free_in_a_page_given_back",
	  "free(): @ was already freed (class 1024 bytes, slot # of a "
	  "slab with # of 64 handed out, its page was given back)" },
	{ "double_free_in_a_page_that_went_by_itself",
	  "free(): @ was already freed (class 1024 bytes, slot # of a "
	  "slab with # of 64 handed out, its page was given back)" },
	{ "double_free_next_to_a_page_given_back",
	  "free(): @ was already freed (class 3072 bytes, slot # of a "
	  "slab with # of 21 handed out, a page of it was given back)" },
	{ "free_inside_a_page_given_back",
	  "free(): @ was already freed (class 1024 bytes, offset 16, "
	  "slot # of a slab with # of 64 handed out, its page was "
	  "given back)" },
	{ "realloc_in_a_page_given_back",
	  "realloc(): @ was already freed (class 1024 bytes, slot # of "
	  "a slab with # of 64 handed out, its page was given back)" },

	/* Freed twice, and nobody knows any more which it was. */
	{ "double_free_found_by_the_trim_thread",
	  "free(): @ was freed twice, and its second free came through "
	  "a cache (class 1024 bytes, slot # of a slab with # of 64 "
	  "handed out)" },

	/* Never allocated here. */
	{ "free_of_stack",
	  "free(): @ is not a pointer of this allocator (in a mapping "
	  "of the program's)" },
	{ "free_of_static",
	  "free(): @ is not a pointer of this allocator (in a mapping "
	  "of the program's)" },
	{ "free_of_mapping",
	  "free(): @ is not a pointer of this allocator (in a mapping "
	  "of the program's)" },
	{ "free_of_a_small_number",
	  "free(): @ is not a pointer of this allocator (nothing is "
	  "mapped there)" },
	{ "free_of_a_negative_number",
	  "free(): @ is not a pointer of this allocator (nothing is "
	  "mapped there)" },
	{ "free_of_never_allocated",
	  "free(): @ is not a pointer of this allocator (in addresses "
	  "that are kept for later)" },
	{ "free_in_a_chunk_never_used",
	  "free(): @ is not a pointer of this allocator (its page was "
	  "never used)" },
	{ "free_in_a_page_never_used",
	  "free(): @ is not a pointer of this allocator (its page was "
	  "never used)" },
	{ "free_before_any_malloc",
	  "free(): @ is not a pointer of this allocator (in a mapping "
	  "of the program's)" },

	/* Not the first byte. */
	{ "free_inside_small",
	  "free(): @ points into a block (class 64 bytes, offset 16, "
	  "slot # of a slab with # of 1024 handed out)" },
	{ "free_inside_next_to_the_end",
	  "free(): @ points into a block (class 1024 bytes, offset "
	  "1008, slot # of a slab with # of 64 handed out)" },
	{ "free_misaligned",
	  "free(): @ points into a block (class 64 bytes, offset 1, "
	  "slot # of a slab with # of 1024 handed out)" },
	{ "free_misaligned_by_a_word",
	  "free(): @ points into a block (class 128 bytes, offset 8, "
	  "slot # of a slab with # of 512 handed out)" },
	{ "free_inside_large",
	  "free(): @ points into a block (a page run of 131072 bytes, "
	  "offset 4096)" },
	{ "free_inside_large_first_page",
	  "free(): @ points into a block (a page run of 131072 bytes, "
	  "offset 16)" },
	{ "free_inside_huge",
	  "free(): @ points into a block (a page run of 8388608 bytes, "
	  "offset 5242928)" },

	/* Other functions name themselves. */
	{ "realloc_of_freed",
	  "realloc(): @ was already freed (class 112 bytes, slot # of "
	  "a slab with # of 576 handed out)" },
	{ "realloc_of_freed_large",
	  "realloc(): @ was already freed (its page {is free, and not "
	  "given back yet/is on its way back/was given back})" },
	{ "realloc_to_nothing_of_freed",
	  "realloc(): @ was already freed (class 112 bytes, slot # of "
	  "a slab with # of 576 handed out)" },
	{ "realloc_of_foreign",
	  "realloc(): @ is not a pointer of this allocator (in a "
	  "mapping of the program's)" },
	{ "realloc_inside",
	  "realloc(): @ points into a block (class 256 bytes, offset "
	  "32, slot # of a slab with # of 256 handed out)" },
	{ "reallocarray_of_freed",
	  "realloc(): @ was already freed (class 112 bytes, slot # of "
	  "a slab with # of 576 handed out)" },
	{ "usable_size_of_foreign",
	  "malloc_usable_size(): @ is not a pointer of this allocator "
	  "(in a mapping of the program's)" },
	{ "usable_size_of_freed",
	  "malloc_usable_size(): @ was already freed (class 112 bytes, "
	  "slot # of a slab with # of 576 handed out)" },
	{ "usable_size_inside",
	  "malloc_usable_size(): @ points into a block (class 512 "
	  "bytes, offset 64, slot # of a slab with # of 128 handed out)" },

	/* Wrong beliefs. */
	{ "free_sized_too_small",
	  "free_sized(): @ has size 1024, not 100 (class 1024 bytes, "
	  "slot # of a slab with # of 64 handed out)" },
	{ "free_sized_too_large",
	  "free_sized(): @ has size 1024, not 1025 (class 1024 bytes, "
	  "slot # of a slab with # of 64 handed out)" },
	{ "free_sized_of_large",
	  "free_sized(): @ has size 1048576, not 100 (a page run of "
	  "1048576 bytes)" },
	{ "free_sized_of_huge",
	  "free_sized(): @ has size 8388608, not 16777216 (a page run "
	  "of 8388608 bytes)" },
	{ "free_sized_twice",
	  "free_sized(): @ was already freed (class 112 bytes, slot # "
	  "of a slab with # of 576 handed out)" },
	{ "free_sized_of_foreign",
	  "free_sized(): @ is not a pointer of this allocator (in a "
	  "mapping of the program's)" },
	{ "free_aligned_sized_wrong_alignment",
	  "free_aligned_sized(): @ was not allocated with alignment "
	  "8192 (class 256 bytes, slot # of a slab with # of 256 "
	  "handed out)" },
	{ "free_aligned_sized_no_alignment",
	  "free_aligned_sized(): @ was not allocated with alignment 48 "
	  "(class 256 bytes, slot # of a slab with # of 256 handed out)" },
	{ "free_aligned_sized_too_large",
	  "free_aligned_sized(): @ has size 256, not 100000 (class 256 "
	  "bytes, slot # of a slab with # of 256 handed out)" },
	{ "sdallocx_too_small",
	  "sdallocx(): @ has size 1024, not 100 (class 1024 bytes, "
	  "slot # of a slab with # of 64 handed out)" },
	{ "sdallocx_of_aligned",
	  "sdallocx(): @ was not allocated with alignment 1048576 "
	  "(class 16384 bytes, slot # of a slab with # of 4 handed out)" },

	/* jemalloc's functions. */
	{ "dallocx_past_the_cache_twice",
	  "dallocx(): @ was already freed (class 112 bytes, slot # of "
	  "a slab with # of 576 handed out)" },
	{ "mallocx_with_no_such_cache",
	  "mallocx(): there is no thread cache 7" },

	/* With check:full: its programs are named so. */
	{ "checked_overflow",
	  "free(): @ was written to behind its end, at byte 100 of 100 "
	  "(class 128 bytes, slot # of a slab with # of 512 handed out)" },
	{ "checked_overflow_of_calloc",
	  "free(): @ was written to behind its end, at byte 105 of 100 "
	  "(class 128 bytes, slot # of a slab with # of 512 handed out)" },
	{ "checked_overflow_of_aligned",
	  "free(): @ was written to behind its end, at byte 192 of 192 "
	  "(class 256 bytes, slot # of a slab with # of 256 handed out)" },
	{ "checked_overflow_of_64_kib",
	  "free(): @ was written to behind its end, at byte 65536 of "
	  "65536 (a page run of 73728 bytes)" },
	{ "checked_overflow_of_8_mib",
	  "free(): @ was written to behind its end, at byte 8388608 of "
	  "8388608 (a page run of 8392704 bytes)" },
	{ "checked_overflow_of_nothing",
	  "free(): @ was written to behind its end, at byte 0 of 0 "
	  "(class 16 bytes, slot # of a slab with # of 4096 handed out)" },
	{ "checked_overflow_into_the_next_block",
	  "free(): @ was written to behind its end, all that lies "
	  "behind it, up to byte 128 (class 128 bytes, slot # of a "
	  "slab with # of 512 handed out)" },
	{ "checked_overflow_seen_by_realloc",
	  "realloc(): @ was written to behind its end, at byte 101 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_overflow_seen_by_usable_size",
	  "malloc_usable_size(): @ was written to behind its end, at "
	  "byte 100 of 100 (class 128 bytes, slot # of a slab with # "
	  "of 512 handed out)" },
	{ "checked_overflow_of_a_shrunk_block",
	  "free(): @ was written to behind its end, at byte 95 of 90 "
	  "(class 128 bytes, slot # of a slab with # of 512 handed out)" },
	{ "checked_write_after_free",
	  "free(): @ was written to after it was freed, at byte 8 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_write_after_free_of_64_kib",
	  "free(): @ was written to after it was freed, at byte 40000 "
	  "of 65536 (a page run of 73728 bytes)" },
	{ "checked_write_behind_a_freed_block",
	  "free(): @ was written to after it was freed, at byte 100 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_write_after_free_found_by_trim",
	  "free(): @ was written to after it was freed, at byte 99 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_write_after_free_pushed_out",
	  "free(): @ was written to after it was freed, at byte 0 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_write_after_free_of_a_dead_thread_s",
	  "free(): @ was written to after it was freed, at byte 8 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_write_after_free_in_a_child",
	  "free(): @ was written to after it was freed, at byte 8 of "
	  "100 (class 128 bytes, slot # of a slab with # of 512 handed "
	  "out)" },
	{ "checked_double_free_after_writing",
	  "free(): @ was already freed (class 128 bytes, slot # of a "
	  "slab with # of 512 handed out)" },
	{ "checked_double_free_of_64_kib_after_writing",
	  "free(): @ was already freed (a page run of 73728 bytes)" },
	{ "checked_double_free_of_8_mib",
	  "free(): @ was already freed (its page {is free, and not "
	  "given back yet/is on its way back/was given back})" },
	{ "checked_realloc_of_freed",
	  "realloc(): @ was already freed (class 128 bytes, slot # of "
	  "a slab with # of 512 handed out)" },
	{ "checked_usable_size_of_freed",
	  "malloc_usable_size(): @ was already freed (class 128 bytes, "
	  "slot # of a slab with # of 512 handed out)" },
	{ "checked_free_sized_off_by_one",
	  "free_sized(): @ has size 100, not 99 (class 128 bytes, slot "
	  "# of a slab with # of 512 handed out)" },
	{ "checked_free_aligned_sized_off_by_one",
	  "free_aligned_sized(): @ has size 192, not 193 (class 256 "
	  "bytes, slot # of a slab with # of 256 handed out)" },
	{ "checked_sdallocx_off_by_one",
	  "sdallocx(): @ has size 100, not 101 (class 128 bytes, slot "
	  "# of a slab with # of 512 handed out)" },
};

#define N_MISUSES (sizeof misuses / sizeof misuses[0])

static struct outcome outcome;

/*
 * The sentence as a regular expression: @ is the program's address, # any
 * number, {one/other} one of several things that may be so by then, for
 * memory goes back by itself.
 */
static void
spell(const char *sentence, const char *address, char *out, size_t size)
{
	char *at = out, *end = out + size - 64;

	at += sprintf(at, "^trimalloc: ");
	for (const char *c = sentence; *c != '\0' && at < end; c++) {
		if (*c == '@')
			at += sprintf(at, "%.40s", address);
		else if (*c == '#')
			at += sprintf(at, "[0-9]+");
		else if (strchr("{/}", *c) != NULL)
			*at++ = "(|)"[strchr("{/}", *c) - "{/}"];
		else if (strchr("()[].*+?^$|\\", *c) != NULL)
			at += sprintf(at, "\\%c", *c);
		else
			*at++ = *c;
	}
	sprintf(at, "\n$");
}

static bool
fits(const char *expression, const char *line)
{
	regex_t regex;
	bool does;

	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0)
		fail_msg("%s is no expression", expression);
	does = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	return does;
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
	char path[128], program[4096], line[1024];
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
	if (!fits(line, outcome.err))
		fail_msg("it said \"%s\", which is not \"%s\"; it ended by %s",
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
