/*
 * guard.c -- blocks that stand alone between inaccessible pages.
 */
#include "faults.h"
#include "heap/guard.h"
#include "os/os.h"
#include "unit.h"

#define NSLOTS 8u

static void
boot(void)
{
	assert_true(guard_boot(NSLOTS));
}

static char *
alloc(size_t n)
{
	char *p = guard_alloc(n, 16);

	assert_non_null(p);
	assert_int_equal(guard_bytes(p), n);
	return p;
}

static void
gone(void *p)
{
	assert_int_equal(guard_free(p), GUARD_GONE);
}

/* A block with a guard right behind its last page, or right in front of it. */
static char *
alloc_at_end(size_t n, bool is_right)
{
	for (unsigned i = 0; i < 1000; i++) {
		char *p = alloc(n);
		bool ends = ((uintptr_t)p + align_up(n, 16)) % PAGE_BYTES == 0;

		if (ends == is_right)
			return p;
		gone(p);
	}
	fail_msg("a thousand blocks stand at the same end");
	return NULL;
}

static size_t
nlive(void)
{
	struct guard_stats s;

	guard_stats(&s);
	return s.nlive;
}

static void
without_a_pool_nothing_is_the_pool_s(void)
{
	int here;

	assert_false(guard_is_on());
	assert_false(guard_owns(&here));
	assert_false(guard_owns(NULL));
}

static void
a_pool_without_memory_is_none(void)
{
	fault_once(OS_CALL_RESERVE, 1);
	assert_false(guard_boot(NSLOTS));
	assert_false(guard_is_on());
	fault_once(OS_CALL_MAP, 1);
	assert_false(guard_boot(NSLOTS));
	assert_false(guard_is_on());
	faults_none();
	boot();
	gone(alloc(10));
}

static void
a_pool_is_made_once(void)
{
	struct guard_range before;

	assert_false(guard_boot(0));
	assert_false(guard_is_on());
	boot();
	before = guard_range;
	assert_true(guard_boot(2 * NSLOTS));
	assert_int_equal(guard_range.base, before.base);
	assert_int_equal(guard_range.bytes, before.bytes);
	for (unsigned i = 0; i < NSLOTS / 2; i++)
		alloc(10);
	assert_null(guard_alloc(10, 16));
}

static void
a_block_is_aligned_and_reads_as_zero(void)
{
	static const size_t sizes[] = { 1,    15,   16,    17,    100,  4095,
					4096, 4097, 16384, 65535, 65536 };

	boot();
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
			char *p = alloc(sizes[i]);

			assert_true((uintptr_t)p % 16 == 0);
			assert_true(guard_owns(p));
			assert_true(is_all(p, 0, sizes[i]));
			memset(p, 'x', sizes[i]);
			gone(p);
		}
	}
}

static void
a_block_has_the_alignment_that_was_asked_for(void)
{
	boot();
	for (size_t alignment = 16; alignment <= PAGE_BYTES; alignment *= 2) {
		for (unsigned i = 0; i < 20; i++) {
			char *p = guard_alloc(40 + i, alignment);

			assert_non_null(p);
			assert_true((uintptr_t)p % alignment == 0);
			gone(p);
		}
	}
	assert_null(guard_alloc(40, 2 * PAGE_BYTES));
	assert_null(guard_alloc(GUARD_BYTES_MAX + 1, 16));
}

static char *at;

static void
write_there(void)
{
	/* A sanitizer's handler would make another end of it. */
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)at = 1;
}

static void
expect_fault(char *p)
{
	int status;

	at = p;
	status = child_status(write_there);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void
the_byte_behind_a_block_faults(void)
{
	boot();
	expect_fault(alloc_at_end(64, true) + 64);
	expect_fault(alloc_at_end(8192, true) + 8192);
}

static void
the_byte_in_front_of_a_block_faults(void)
{
	boot();
	expect_fault(alloc_at_end(64, false) - 1);
	expect_fault(alloc_at_end(70, false) + PAGE_BYTES);
}

static void
a_freed_block_faults(void)
{
	char *p;

	boot();
	p = alloc(3000);
	gone(p);
	expect_fault(p);
	expect_fault(p + 2999);
}

static void
a_freed_block_s_memory_is_given_back(void)
{
	char *p;

	boot();
	p = alloc(65536);
	memset(p, 1, 65536);
	assert_true(resident_pages(p, 16) == 16);
	gone(p);
	assert_int_equal(resident_pages(p, 16), 0);
}

static void
a_block_is_freed_once(void)
{
	char *p;

	boot();
	p = alloc(100);
	assert_int_equal(guard_free(p + 16), GUARD_NONE);
	gone(p);
	assert_int_equal(guard_free(p), GUARD_NONE);
	assert_int_equal(guard_bytes(p), 0);
}

static void
half_of_the_slots_are_never_in_use(void)
{
	char *p[NSLOTS / 2];
	struct guard_stats s;

	boot();
	for (unsigned i = 0; i < NSLOTS / 2; i++)
		p[i] = alloc(10);
	assert_null(guard_alloc(10, 16));
	guard_stats(&s);
	assert_int_equal(s.nlive, NSLOTS / 2);
	assert_int_equal(s.bytes, NSLOTS / 2 * 10);
	assert_int_equal(s.nfull, 1);
	gone(p[0]);
	alloc(10);
}

static void
the_slot_that_was_freed_first_is_used_first(void)
{
	struct guard_slot *order[NSLOTS];

	boot();
	for (unsigned i = 0; i < NSLOTS; i++) {
		char *p = alloc(10);

		order[i] = guard_slot_of(p);
		for (unsigned k = 0; k < i; k++)
			assert_ptr_not_equal(order[i], order[k]);
		gone(p);
	}
	for (unsigned i = 0; i < 3 * NSLOTS; i++) {
		char *p = alloc(10);

		assert_ptr_equal(guard_slot_of(p), order[i % NSLOTS]);
		gone(p);
	}
}

static void
what_is_written_around_a_block_is_found(void)
{
	char *p;

	boot();
	/* Up to the next multiple of 16 there is no guard. */
	p = alloc_at_end(100, true);
	p[100] = 0;
	assert_ptr_equal(guard_spoiled(guard_slot_of(p)), p + 100);
	assert_int_equal(guard_free(p), GUARD_SPOILED);
	p[100] = (char)GUARD_FILL;
	p[-1] = 1;
	assert_int_equal(guard_free(p), GUARD_SPOILED);
	p[-1] = (char)GUARD_FILL;
	gone(p);
}

static void
an_error_of_a_block_is_counted_once(void)
{
	struct guard_stats stats;
	struct guard_slot *s;
	char *p;

	boot();
	p = alloc(10);
	s = guard_slot_of(p);
	assert_true(guard_note_error(s));
	assert_false(guard_note_error(s));
	guard_stats(&stats);
	assert_int_equal(stats.nerrors, 1);
}

static void
who_took_and_who_freed_a_block_is_known(void)
{
	struct guard_slot *s;
	char *p;

	boot();
	p = alloc(10);
	s = guard_slot_of(p);
	assert_int_equal(s->allocated.tid, os_thread_id());
	assert_true(s->allocated.stack.nwords > 0);
	assert_int_equal(s->freed.tid, 0);
	gone(p);
	assert_int_equal(s->freed.tid, os_thread_id());
	assert_true(s->freed.stack.nwords > 0);
}

static void
memory_that_the_kernel_refuses_costs_no_slot(void)
{
	struct guard_stats s;

	boot();
	for (unsigned i = 0; i < 5 * NSLOTS; i++) {
		fault_once(OS_CALL_COMMIT, 1);
		assert_null(guard_alloc(100, 16));
		faults_none();
	}
	for (unsigned i = 0; i < 5 * NSLOTS; i++)
		gone(alloc(100));
	guard_stats(&s);
	assert_int_equal(s.nrefused, 5 * NSLOTS);
	assert_int_equal(nlive(), 0);
}

static void
a_slot_that_the_kernel_does_not_close_reads_as_zero_again(void)
{
	boot();
	for (unsigned i = 0; i < 5 * NSLOTS; i++) {
		char *p = alloc(3000 + i);

		assert_true(is_all(p, 0, 3000 + i));
		memset(p, 'x', 3000 + i);
		fault_once(OS_CALL_PURGE, 1);
		gone(p);
		faults_none();
		assert_int_equal(guard_free(p), GUARD_NONE);
	}
	/* And is closed the next time. */
	for (unsigned i = 0; i < NSLOTS; i++) {
		char *p = alloc(100);

		gone(p);
		expect_fault(p);
	}
}

static void
a_child_gets_the_slots_that_others_were_moving(void)
{
	char *p[NSLOTS / 2];

	boot();
	for (unsigned i = 0; i < NSLOTS / 2; i++)
		p[i] = alloc(200);
	/* As if another thread had been in the middle of freeing it. */
	atomic_store(&guard_slot_of(p[0])->state, GUARD_CLAIMED);
	assert_null(guard_alloc(200, 16));
	guard_lock();
	guard_child_release();
	for (unsigned i = 1; i < NSLOTS / 2; i++)
		gone(p[i]);
	for (unsigned i = 0; i < 3 * NSLOTS; i++) {
		char *q = alloc(200);

		assert_true(is_all(q, 0, 200));
		gone(q);
	}
}

static void
a_copy_of_the_stack_ends_where_the_stack_does(void)
{
	char *map = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stack_copy copy;

	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
	memset(map, 7, PAGE_BYTES);
	stack_copy(&copy, (uintptr_t)map + PAGE_BYTES - 80);
	assert_int_equal(copy.nwords, 10);
	assert_int_equal(copy.words[9], UINT64_C(0x0707070707070707));
	stack_copy(&copy, (uintptr_t)map + PAGE_BYTES);
	assert_int_equal(copy.nwords, 0);
	stack_copy(&copy, (uintptr_t)map);
	assert_int_equal(copy.nwords, STACK_WORDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(without_a_pool_nothing_is_the_pool_s),
		alone(a_pool_without_memory_is_none),
		alone(a_pool_is_made_once),
		alone(a_block_is_aligned_and_reads_as_zero),
		alone(a_block_has_the_alignment_that_was_asked_for),
		alone(the_byte_behind_a_block_faults),
		alone(the_byte_in_front_of_a_block_faults),
		alone(a_freed_block_faults),
		alone(a_freed_block_s_memory_is_given_back),
		alone(a_block_is_freed_once),
		alone(half_of_the_slots_are_never_in_use),
		alone(the_slot_that_was_freed_first_is_used_first),
		alone(what_is_written_around_a_block_is_found),
		alone(an_error_of_a_block_is_counted_once),
		alone(who_took_and_who_freed_a_block_is_known),
		alone(memory_that_the_kernel_refuses_costs_no_slot),
		alone(a_slot_that_the_kernel_does_not_close_reads_as_zero_again),
		alone(a_child_gets_the_slots_that_others_were_moving),
		alone(a_copy_of_the_stack_ends_where_the_stack_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
