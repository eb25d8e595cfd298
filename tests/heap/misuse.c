/*
 * misuse.c -- what is known of an address, in words.
 */
#include "faults.h"
#include "heap/direct.h"
#include "heap/guard.h"
#include "heap/large.h"
#include "heap/misuse.h"
#include "pages/meta.h"
#include "unit.h"

static char said[384];

static const char *
known(const void *p)
{
	struct text t;

	text_init(&t, said, sizeof said - 1);
	misuse_known(&t, p);
	said[t.len] = '\0';
	return said;
}

static void
expect_known(const void *p, const char *sentence)
{
	assert_string_equal(known(p), sentence);
}

/* The slots of a new slab of that class, the first n of them handed out. */
static char *
fill(size_t size, size_t n)
{
	static void *blocks[4096];
	unsigned cls = size_class(size);
	size_t got = 0;

	while (got < n)
		got += bin_fill(&arenas[0].bins[cls], &arenas[0].pages, cls,
				blocks + got, n - got);
	return (char *)slab_find(blocks[0])->base;
}

static void
a_block_in_a_slab_has_class_slot_and_neighbours(void)
{
	char *base = fill(112, 40);

	expect_known(base, "class 112 bytes, slot 0 of a slab with 40 of 576 "
			   "handed out");
	/* 36 to a page. */
	expect_known(base + 4096 + 112, "class 112 bytes, slot 37 of a slab "
					"with 40 of 576 handed out");
	expect_known(base + 15, "class 112 bytes, offset 15, slot 0 of a slab "
				"with 40 of 576 handed out");
	/* 64 bytes behind the last one of a page. */
	expect_known(base + 4095, "class 112 bytes, offset 175, slot 35 of a "
				  "slab with 40 of 576 handed out");
	expect_known(base + 65535, "class 112 bytes, offset 175, slot 575 of a "
				   "slab with 40 of 576 handed out");
}

static void
the_slots_of_every_class_are_told_apart(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		char *base = fill(class_size(cls), 1), want[128];

		for (size_t i = 0; i < class_nslots(cls); i++) {
			snprintf(want, sizeof want,
				 "class %zu bytes, offset 1, slot %zu of a "
				 "slab with 1 of %zu handed out",
				 class_size(cls), i, class_nslots(cls));
			expect_known(base + class_slot_offset(cls, i) + 1,
				     want);
		}
	}
}

static void
a_page_of_a_slab_that_went_back_is_told(void)
{
	struct slab *s = slab_find(fill(3072, 1));

	slab_hide(s, 1u << 1);
	expect_known(s->base + 3072, "class 3072 bytes, slot 1 of a slab with "
				     "1 of 21 handed out, a page of it was "
				     "given back");
	slab_hide(s, 1u << 5);
	slab_hide(s, 1u << 4);
	/* The second half of page 4 and the first of page 5. */
	expect_known(s->base + 6 * 3072, "class 3072 bytes, slot 6 of a slab "
					 "with 1 of 21 handed out, its page "
					 "was given back");
	expect_known(s->base, "class 3072 bytes, slot 0 of a slab with 1 of 21 "
			      "handed out");
}

static void
a_page_run_has_its_bytes(void)
{
	bool is_zero;
	unsigned cls = size_class(49152);
	char *p = large_alloc(&arenas[0], 12, PAGE_BYTES, cls, &is_zero), *q;

	expect_known(p, "a page run of 49152 bytes");
	expect_known(p + 4099, "a page run of 49152 bytes, offset 4099");
	q = large_alloc(&arenas[0], 12, PAGE_BYTES, cls, &is_zero);
	large_free(p);
	expect_known(p, "a page run of 49152 bytes that waits on a shelf");
	expect_known(p + 49151, "a page run of 49152 bytes that waits on a "
				"shelf, offset 49151");
	/* Also where it is not the only one there. */
	large_free(q);
	expect_known(p, "a page run of 49152 bytes that waits on a shelf");
	expect_known(q, "a page run of 49152 bytes that waits on a shelf");
}

static void
a_page_that_is_no_block_s_has_its_state(void)
{
	bool is_zero;
	struct os_range range;
	struct chunk *c;
	char *neighbour = large_alloc(&arenas[0], 1, PAGE_BYTES, CLASS_RUN,
				      &is_zero);
	char *p = large_alloc(&arenas[0], 16, 16 * PAGE_BYTES, CLASS_RUN,
			      &is_zero);

	assert_int_equal((uintptr_t)p >> CHUNK_SHIFT,
			 (uintptr_t)neighbour >> CHUNK_SHIFT);
	expect_known(p + 100 * PAGE_BYTES, "its page was never used");
	large_free(p);
	expect_known(p, "its page is free, and not given back yet");
	/* As a purge has it between its two turns at the lock. */
	c = region_chunk(region_find(p), p);
	assert_int_equal(chunk_claim(c, false, &range, 1), 1);
	expect_known(p, "its page is on its way back");
	chunk_settle(c, &range, false);
	expect_known(p, "its page is free, and not given back yet");
	assert_true(pageheap_purge(&arenas[0].pages, false, SIZE_MAX) > 0);
	expect_known(p + 5, "its page was given back");
}

static void
what_the_allocator_keeps_for_itself_is_told(void)
{
	char *record = meta_alloc(100), *base = fill(64, 1);
	const struct region *r = region_find(base);

	expect_known(record, "in the allocator's own records");
	expect_known(r, "in a mapping of the program's");
	expect_known(r->map, "in the allocator's own tables");
	expect_known((char *)r->base + (r->nchunks_max - 1) * CHUNK_BYTES,
		     "in addresses that are kept for later");
}

static void
what_is_not_the_allocator_s_is_mapped_or_not(void)
{
	int variable = 0;

	expect_known(&variable, "in a mapping of the program's");
	expect_known(NULL, "nothing is mapped there");
	expect_known((void *)(uintptr_t)16, "nothing is mapped there");
	expect_known((void *)UINTPTR_MAX, "nothing is mapped there");
	fill(64, 1);
	expect_known(&variable, "in a mapping of the program's");
}

static void
a_guarded_block_has_its_bytes(void)
{
	char *p;

	assert_true(guard_boot(4));
	p = guard_alloc(100, 16);
	expect_known(p, "a guarded block of 100 bytes");
	expect_known(p + 3, "a guarded block of 100 bytes, offset 3");
	expect_known(p - 1, "a guarded block of 100 bytes, offset -1");
	assert_int_equal(guard_free(p), GUARD_GONE);
	expect_known(p, "a guarded block of 100 bytes");
	for (uintptr_t at = guard_range.base;
	     at < guard_range.base + guard_range.bytes; at += PAGE_BYTES)
		assert_true(strncmp(known((void *)at), "a guarded block of ",
				    19) == 0 ||
			    strcmp(said, "among the guarded blocks, next to "
					 "none") == 0);
}

static void
do_die(void)
{
	int variable = 0;

	misuse_die_because("free()", &variable, " is mine");
}

static void
do_die_locked(void)
{
	misuse_die_locked("free()", (void *)(uintptr_t)0x1234, " is mine");
}

static void
the_sentence_is_one_line(void)
{
	expect_death(do_die, " is mine (in a mapping of the program's)\n");
	expect_death(do_die_locked, "trimalloc: free(): 0x1234 is mine "
				    "(nothing is mapped there)\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_block_in_a_slab_has_class_slot_and_neighbours),
		alone(the_slots_of_every_class_are_told_apart),
		alone(a_page_of_a_slab_that_went_back_is_told),
		alone(a_page_run_has_its_bytes),
		alone(a_page_that_is_no_block_s_has_its_state),
		alone(what_the_allocator_keeps_for_itself_is_told),
		alone(what_is_not_the_allocator_s_is_mapped_or_not),
		alone(a_guarded_block_has_its_bytes),
		alone(the_sentence_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
