/*
 * os_linux.c -- each kernel call keeps the contract of os.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/base.h"
#include "faults.h"
#include "os/guarded.h"
#include "unit.h"

#define BYTES (64 * PAGE_BYTES)

/* Reserved and committed pages, each of which holds its number. */
static char *
numbered_pages(size_t npages)
{
	char *p = os_reserve(npages * PAGE_BYTES, PAGE_BYTES);

	assert_non_null(p);
	assert_true(os_commit(p, npages * PAGE_BYTES));
	for (size_t i = 0; i < npages; i++)
		memset(p + i * PAGE_BYTES, (int)(i % 255 + 1), PAGE_BYTES);
	return p;
}

static bool
holds_number(const char *p, size_t page)
{
	return is_all(p + page * PAGE_BYTES, (unsigned char)(page % 255 + 1),
		      PAGE_BYTES);
}

static bool
holds_zero(const char *p, size_t page)
{
	return is_all(p + page * PAGE_BYTES, 0, PAGE_BYTES);
}

static void
reserved_address_space_is_aligned_and_not_accessible(void **state)
{
	(void)state;
	for (size_t a = PAGE_BYTES; a <= 1 * GIB; a *= 2) {
		char *p = os_reserve(BYTES, a);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % a, 0);
		assert_false(is_readable(p));
		assert_false(is_readable(p + BYTES - 1));
		os_release(p, BYTES);
	}
}

static void
more_address_space_than_there_is_cannot_be_reserved(void **state)
{
	(void)state;
	assert_null(os_reserve((size_t)1 << 48, PAGE_BYTES));
}

static void
committed_pages_read_as_zero_and_can_be_written(void **state)
{
	char *p = os_reserve(BYTES, PAGE_BYTES);

	(void)state;
	assert_true(os_commit(p + PAGE_BYTES, 2 * PAGE_BYTES));
	assert_true(is_all(p + PAGE_BYTES, 0, 2 * PAGE_BYTES));
	memset(p + PAGE_BYTES, 1, 2 * PAGE_BYTES);
	assert_false(is_readable(p));
	assert_false(is_readable(p + 3 * PAGE_BYTES));
	os_release(p, BYTES);
}

static void
what_is_not_reserved_cannot_be_committed(void **state)
{
	char *p = os_reserve(BYTES, PAGE_BYTES);

	(void)state;
	os_release(p, BYTES);
	assert_false(is_readable(p));
	assert_false(os_commit(p, BYTES));
}

static void
mapped_pages_read_as_zero_and_can_be_written(void **state)
{
	char *p = os_map(BYTES);

	(void)state;
	assert_non_null(p);
	assert_true(is_all(p, 0, BYTES));
	memset(p, 1, BYTES);
	os_release(p, BYTES);
}

static void
purged_pages_read_as_zero_and_are_not_resident(void **state)
{
	char *p = numbered_pages(8);

	(void)state;
	assert_int_equal(resident_pages(p, 8), 8);
	assert_true(os_purge(p + 2 * PAGE_BYTES, 3 * PAGE_BYTES));
	assert_int_equal(resident_pages(p, 8), 5);
	for (size_t i = 0; i < 8; i++)
		assert_true(i < 2 || i > 4 ? holds_number(p, i)
					   : holds_zero(p, i));
	os_release(p, 8 * PAGE_BYTES);
}

static void
decommitted_pages_are_not_accessible_and_come_back_as_zero(void **state)
{
	char *p = numbered_pages(8);

	(void)state;
	assert_true(os_decommit(p + 2 * PAGE_BYTES, 4 * PAGE_BYTES));
	assert_false(is_readable(p + 2 * PAGE_BYTES));
	assert_false(is_readable(p + 5 * PAGE_BYTES));
	assert_int_equal(resident_pages(p, 8), 4);
	assert_true(holds_number(p, 1));
	assert_true(holds_number(p, 6));
	assert_true(os_commit(p + 2 * PAGE_BYTES, 4 * PAGE_BYTES));
	assert_true(is_all(p + 2 * PAGE_BYTES, 0, 4 * PAGE_BYTES));
	memset(p + 2 * PAGE_BYTES, 1, 4 * PAGE_BYTES);
	os_release(p, 8 * PAGE_BYTES);
}

/* What the process could still write to, as the kernel charges it; KiB. */
static size_t
vm_status(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	size_t len = strlen(name), kib = 0;
	char line[128];

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, name, len) == 0)
			kib = strtoul(line + len, NULL, 10);
	}
	fclose(f);
	assert_true(kib > 0);
	return kib;
}

static void
commit_charge_falls_by_a_decommit_and_not_by_a_purge(void **state)
{
	char *p = os_reserve(64 * MIB, PAGE_BYTES);
	size_t before = vm_status("VmData:");

	(void)state;
	assert_true(os_commit(p, 64 * MIB));
	assert_int_equal(vm_status("VmData:"), before + 64 * KIB);
	memset(p, 1, 64 * MIB);
	assert_true(os_purge(p, 64 * MIB));
	assert_int_equal(vm_status("VmData:"), before + 64 * KIB);
	assert_true(os_decommit(p, 48 * MIB));
	assert_int_equal(vm_status("VmData:"), before + 16 * KIB);
	os_release(p, 64 * MIB);
}

/* More than one vector holds: every third page. */
#define MANY 300

static void
many_ranges_are_purged_and_nothing_between_them(void **state)
{
	struct os_range ranges[MANY];
	char *p = numbered_pages(3 * MANY);

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		ranges[i] = (struct os_range){ p + 3 * i * PAGE_BYTES,
					       PAGE_BYTES };
	assert_int_equal(os_purge_ranges(ranges, MANY), MANY);
	assert_int_equal(resident_pages(p, 3 * MANY), 2 * MANY);
	for (size_t i = 0; i < 3 * MANY; i++)
		assert_true(i % 3 != 0 ? holds_number(p, i) : holds_zero(p, i));
	os_release(p, 3 * MANY * PAGE_BYTES);
}

static void
no_range_and_one_range_are_purged_too(void **state)
{
	char *p = numbered_pages(2);
	struct os_range one = { p, PAGE_BYTES };

	(void)state;
	assert_int_equal(os_purge_ranges(NULL, 0), 0);
	assert_int_equal(os_purge_ranges(&one, 1), 1);
	assert_true(holds_zero(p, 0));
	assert_true(holds_number(p, 1));
	os_release(p, 2 * PAGE_BYTES);
}

static void
purging_stops_at_the_range_that_the_kernel_refuses(void **state)
{
	struct os_range ranges[100];
	char *p = numbered_pages(200);

	(void)state;
	for (size_t i = 0; i < 100; i++)
		ranges[i] = (struct os_range){ p + 2 * i * PAGE_BYTES,
					       PAGE_BYTES };
	/* Number 70 is no memory. */
	os_release(p + 140 * PAGE_BYTES, PAGE_BYTES);
	assert_int_equal(os_purge_ranges(ranges, 100), 70);
	for (size_t i = 0; i < 70; i++)
		assert_true(holds_zero(p, 2 * i));
	os_release(p, 200 * PAGE_BYTES);
}

static void
moved_pages_keep_their_contents(void **state)
{
	char *p = numbered_pages(64), *to = p + 32 * PAGE_BYTES;

	(void)state;
	memset(to, 0xee, 16 * PAGE_BYTES);
	assert_int_equal(os_move_pages(p, to, 16 * PAGE_BYTES), OS_MOVED);
	for (size_t i = 0; i < 16; i++) {
		assert_true(holds_number(to, i));
		assert_true(holds_zero(p, i));
	}
	/* Neither their neighbours nor the old place were lost. */
	assert_true(holds_number(p, 16));
	assert_true(holds_number(p, 48));
	/* An emulator may know better than its processor's plain stores. */
	for (size_t i = 0; i < 16; i++)
		assert_true(is_readable(p + i * PAGE_BYTES));
	memset(p, 1, 16 * PAGE_BYTES);
	assert_true(holds_number(to, 3));
	os_release(p, 64 * PAGE_BYTES);
}

/* Pages of two mappings cannot be moved at once, and nothing happens. */
static void
pages_of_several_mappings_are_not_moved(void **state)
{
	char *p = numbered_pages(64), *to = p + 32 * PAGE_BYTES;

	(void)state;
	assert_int_equal(mprotect(p + 8 * PAGE_BYTES, PAGE_BYTES, PROT_READ),
			 0);
	assert_int_equal(os_move_pages(p, to, 16 * PAGE_BYTES), OS_REFUSED);
	for (size_t i = 0; i < 64; i++)
		assert_true(holds_number(p, i));
	os_release(p, 64 * PAGE_BYTES);
}

/* Single pages of other rights than their neighbours', until there may be no more. */
static size_t
use_all_mappings(char *p, size_t npages)
{
	size_t n = 0;

	while (2 * n < npages && mprotect(p + 2 * n * PAGE_BYTES, PAGE_BYTES,
					  PROT_READ | PROT_WRITE) == 0)
		n++;
	return 2 * n;
}

/* The kernel refuses before it unmaps anything: the target is still ours. */
static void
without_a_mapping_left_nothing_is_moved_and_nothing_is_lost(void **state)
{
	enum { N = 300000 };
	char *p = numbered_pages(64), *to = p + 32 * PAGE_BYTES;
	char *many = os_reserve((size_t)N * PAGE_BYTES, PAGE_BYTES);
	enum os_move first, moved;
	size_t used;

	(void)state;
	assert_non_null(many);
	used = use_all_mappings(many, N);
	/* The first time it cannot know, and takes it for lost. */
	first = os_move_pages(p, to, 16 * PAGE_BYTES);
	moved = os_move_pages(p, to, 16 * PAGE_BYTES);
	os_release(many, (size_t)N * PAGE_BYTES);
	if (used == N) {
		print_message("# as many mappings as one likes\n");
		return;
	}
	assert_true(first == OS_LOST || first == OS_REFUSED);
	assert_int_equal(moved, OS_REFUSED);
	for (size_t i = 0; i < 32; i++)
		assert_true(holds_number(p, i));
	memset(to, 1, 16 * PAGE_BYTES);
	assert_true(holds_number(p, 48));
	os_release(p, 64 * PAGE_BYTES);
}

static void
a_word_that_changed_lets_nobody_sleep(void **state)
{
	_Atomic uint32_t word = 1;

	(void)state;
	/* Without a limit: it would not come back. */
	os_futex_wait(&word, 0, 0);
}

static void
a_sleep_on_a_word_ends_with_its_time(void **state)
{
	_Atomic uint32_t word = 0;
	uint64_t before = os_now_ns();

	(void)state;
	os_futex_wait(&word, 0, 20000000);
	assert_true(os_now_ns() - before >= 20000000);
}

static _Atomic uint32_t waited_for, awake;

static void *
wait_for_word(void *arg)
{
	(void)arg;
	while (atomic_load(&waited_for) == 0)
		os_futex_wait(&waited_for, 0, 0);
	atomic_store(&awake, 1);
	return NULL;
}

static void
who_sleeps_on_a_word_is_woken(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_word, NULL), 0);
	atomic_store(&waited_for, 1);
	while (atomic_load(&awake) == 0) {
		os_futex_wake(&waited_for, 1);
		os_yield();
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
the_clock_never_runs_backwards(void **state)
{
	uint64_t last = os_now_ns();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t now = os_now_ns();

		assert_true(now >= last);
		last = now;
	}
}

static void
membarrier_works_once_the_process_is_registered(void)
{
	assert_false(os_membarrier());
	if (!os_membarrier_register())
		return;
	assert_true(os_membarrier());
}

static void
cpu_time_of_a_thread_grows_with_its_work_alone(void **state)
{
	uint64_t before = os_thread_cpu_ns(), after;

	(void)state;
	/* It sleeps for as long as it likes. */
	os_sleep(50000000);
	after = os_thread_cpu_ns();
	assert_true(after - before < 50000000);
	while (os_thread_cpu_ns() < after + 1000000)
		continue;
}

/* --- a table of files of a thread's own ------------------------------------------ */

static int highest;

static void *
open_files_of_its_own(void *arg)
{
	int fd;

	if (!os_own_files())
		return NULL;
	/* The process's are not in it, and their numbers are of no use. */
	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		assert_int_equal(write(fd, "x", 1), -1);
		assert_int_equal(errno, EBADF);
	}
	for (; fd <= highest; fd++)
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd = open("/proc/self/stat", O_RDONLY);
	assert_int_equal(fd, STDERR_FILENO + 1);
	assert_int_equal(close(fd), 0);
	return arg;
}

static void
files_of_a_thread_of_its_own_take_no_number_from_the_others(void)
{
	pthread_t thread;
	void *has = NULL;
	int fd;

	highest = dup(STDERR_FILENO);
	assert_true(highest > STDERR_FILENO);
	assert_int_equal(
		pthread_create(&thread, NULL, open_files_of_its_own, &highest),
		0);
	assert_int_equal(pthread_join(thread, &has), 0);
	if (has == NULL)
		print_message("# this kernel has no close_range\n");
	/* Nothing was closed here. */
	for (fd = 0; fd <= STDERR_FILENO; fd++)
		assert_true(fcntl(fd, F_GETFD) >= 0);
	assert_true(fcntl(highest, F_GETFD) >= 0);
	assert_int_equal(dup(STDERR_FILENO), highest + 1);
}

static void
the_child_of_a_fork_has_a_number_of_its_own(void **state)
{
	int status = -1, pid;

	(void)state;
	assert_int_equal(os_pid(), getpid());
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(os_pid() == getpid() ? 0 : 1);
	assert_int_not_equal(pid, os_pid());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The child shares the parent's memory, and so all that a libc remembers. */
static void
and_so_has_the_child_of_a_vfork(void **state)
{
	static volatile int seen;
	int status = -1, pid;

	(void)state;
	seen = os_pid();
	pid = vfork();
	assert_true(pid >= 0);
	if (pid == 0) {
		seen = os_pid();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(seen, pid);
	assert_int_equal(os_pid(), getpid());
}

static void
faults_reach_all_calls_that_give_back(void)
{
	char *p = os_map(4 * PAGE_BYTES);

	memset(p, 1, 4 * PAGE_BYTES);
	fault_for_good(OS_CALL_PURGE, 1);
	assert_false(os_purge(p, PAGE_BYTES));
	assert_false(os_decommit(p, PAGE_BYTES));
	assert_int_equal(faults_count(OS_CALL_PURGE), 2);
	/* Nothing changed. */
	assert_true(is_all(p, 1, 4 * PAGE_BYTES));
}

static void
without_address_space_nothing_is_reserved_or_mapped(void)
{
	limit_address_space(16 * MIB);
	assert_null(os_reserve(32 * MIB, PAGE_BYTES));
	assert_null(os_map(32 * MIB));
	assert_non_null(os_map(PAGE_BYTES));
}

static void
the_call_that_is_to_fail_fails_and_no_other(void)
{
	char *p;

	fault_once(OS_CALL_MAP, 2);
	assert_non_null(os_map(PAGE_BYTES));
	assert_null(os_map(PAGE_BYTES));
	p = os_map(PAGE_BYTES);
	assert_non_null(p);
	assert_true(os_purge(p, PAGE_BYTES));
	assert_int_equal(faults_count(OS_CALL_MAP), 3);
	assert_int_equal(faults_count(OS_CALL_PURGE), 1);
}

static void
calls_that_fail_for_good_fail_from_then_on(void)
{
	fault_for_good(OS_CALL_RESERVE, 2);
	assert_non_null(os_reserve(PAGE_BYTES, PAGE_BYTES));
	assert_null(os_reserve(PAGE_BYTES, PAGE_BYTES));
	assert_null(os_reserve(PAGE_BYTES, PAGE_BYTES));
	assert_non_null(os_map(PAGE_BYTES));
}

static void
random_numbers_are_not_alike(void **state)
{
	enum { N = 256 };
	uint64_t seen[N], ones = 0, zeroes = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		seen[i] = os_random();
		ones |= seen[i];
		zeroes |= ~seen[i];
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	}
	/* No bit stands still. */
	assert_int_equal(ones, UINT64_MAX);
	assert_int_equal(zeroes, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			reserved_address_space_is_aligned_and_not_accessible),
		cmocka_unit_test(
			more_address_space_than_there_is_cannot_be_reserved),
		cmocka_unit_test(
			committed_pages_read_as_zero_and_can_be_written),
		cmocka_unit_test(what_is_not_reserved_cannot_be_committed),
		cmocka_unit_test(mapped_pages_read_as_zero_and_can_be_written),
		cmocka_unit_test(
			purged_pages_read_as_zero_and_are_not_resident),
		cmocka_unit_test(
			decommitted_pages_are_not_accessible_and_come_back_as_zero),
		cmocka_unit_test(
			commit_charge_falls_by_a_decommit_and_not_by_a_purge),
		cmocka_unit_test(
			many_ranges_are_purged_and_nothing_between_them),
		cmocka_unit_test(no_range_and_one_range_are_purged_too),
		cmocka_unit_test(
			purging_stops_at_the_range_that_the_kernel_refuses),
		cmocka_unit_test(moved_pages_keep_their_contents),
		cmocka_unit_test(pages_of_several_mappings_are_not_moved),
		cmocka_unit_test(
			without_a_mapping_left_nothing_is_moved_and_nothing_is_lost),
		cmocka_unit_test(a_word_that_changed_lets_nobody_sleep),
		cmocka_unit_test(a_sleep_on_a_word_ends_with_its_time),
		cmocka_unit_test(who_sleeps_on_a_word_is_woken),
		cmocka_unit_test(the_clock_never_runs_backwards),
		cmocka_unit_test(
			cpu_time_of_a_thread_grows_with_its_work_alone),
		cmocka_unit_test(the_child_of_a_fork_has_a_number_of_its_own),
		cmocka_unit_test(and_so_has_the_child_of_a_vfork),
		alone(files_of_a_thread_of_its_own_take_no_number_from_the_others),
		alone(faults_reach_all_calls_that_give_back),
		alone(membarrier_works_once_the_process_is_registered),
		alone(without_address_space_nothing_is_reserved_or_mapped),
		alone(the_call_that_is_to_fail_fails_and_no_other),
		alone(calls_that_fail_for_good_fail_from_then_on),
		cmocka_unit_test(random_numbers_are_not_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
