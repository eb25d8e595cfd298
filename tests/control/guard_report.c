/*
 * guard_report.c -- what is told of misused guarded blocks, and what of a
 * report that another one comes upon.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "control/guard_report.h"
#include "control/modules.h"
#include "os/os.h"
#include "unit.h"

#define NSLOTS 8u

/* What the next report does when it has begun. */
static void (*meanwhile)(void);
static bool is_without_maps;
static _Atomic unsigned nyields;

bool __real_modules_read(void);
bool __wrap_modules_read(void);
void __real_os_yield(void);
void __wrap_os_yield(void);

bool
__wrap_modules_read(void)
{
	void (*f)(void) = meanwhile;

	meanwhile = NULL;
	if (f != NULL)
		f();
	return !is_without_maps && __real_modules_read();
}

void
__wrap_os_yield(void)
{
	nyields++;
	__real_os_yield();
}

static char said[32 * KIB];

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
	return p;
}

static void
report(const void *addr, enum guard_access access, uintptr_t pc)
{
	guard_report_fault(addr, access, pc,
			   (uintptr_t)__builtin_frame_address(0));
}

static uintptr_t
here(void)
{
	return (uintptr_t)__builtin_return_address(0);
}

/* What is told of a read at addr by code at pc. */
static const char *
told(const void *addr, uintptr_t pc)
{
	struct hearing h = hear();

	report(addr, GUARD_READ, pc);
	heard(h, said, sizeof said);
	return said;
}

static void
has(const char *words)
{
	if (strstr(said, words) == NULL)
		fail_msg("'%s' is not in: %s", words, said);
}

static void
has_not(const char *words)
{
	if (strstr(said, words) != NULL)
		fail_msg("'%s' is in: %s", words, said);
}

/* --- what is told ------------------------------------------------------------------ */

static void
a_fault_next_to_no_block_is_a_wild_access(void)
{
	boot();
	told((const char *)guard_range.base + guard_range.bytes - 1, here());
	has("trimalloc: wild access: read from 0x");
	has("a guard page next to no block\n");
	has_not("allocated by");
	has_not("freed by");
}

static void
the_first_error_of_a_block_alone_is_told(void)
{
	char *p;

	boot();
	p = alloc(100);
	told(p - 1, here());
	has("underflow: read from 0x");
	has("1 bytes in front of a block of 100 bytes");
	assert_string_equal(told(p - 1, here()), "");
	assert_int_equal(guard_free(p), GUARD_GONE);
	assert_string_equal(told(p, here()), "");
}

static void
a_thread_s_name_steers_no_terminal(void)
{
	char *p;

	boot();
	prctl(PR_SET_NAME, "a\x1b[2J\nb\x7f", 0, 0, 0);
	p = alloc(100);
	assert_int_equal(guard_free(p), GUARD_GONE);
	told(p, here());
	has("allocated by thread ");
	has("freed by thread ");
	has("(a?[2J?b?):\n");
	has_not("\x1b");
	has_not("\x7f");
	has_not("\nb");
}

/* --- whose code it was ------------------------------------------------------------- */

static void
code_of_a_file_is_told_by_the_file(void)
{
	boot();
	told(alloc(10) - 1, here());
	has("guard_report+0x");
}

static void
code_without_a_file_is_said_to_be_generated(void)
{
	char *code = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(code != MAP_FAILED);
	boot();
	told(alloc(10) - 1, (uintptr_t)code + 16);
	has(" (generated code)\n");
}

static void
an_address_in_no_code_is_said_to_be_none(void)
{
	boot();
	told(alloc(10) - 1, 0x10);
	has("trimalloc:     0x10 (no code)\n");
}

static void
without_a_map_of_the_process_no_call_is_told(void)
{
	boot();
	is_without_maps = true;
	told(alloc(10) - 1, 0x10);
	has("its calls are not known without /proc/self/maps\n");
	has("underflow: read from 0x");
	has("allocated by thread ");
}

/* --- one that comes upon another ---------------------------------------------------- */

static char *other;

static void
report_other(void)
{
	report(other - 1, GUARD_WRITE, here());
}

/* A signal handler's, say. */
static void
a_fault_within_a_report_is_not_told(void)
{
	boot();
	other = alloc(20);
	meanwhile = report_other;
	told(alloc(10) - 1, here());
	has("a block of 10 bytes");
	has_not("a block of 20 bytes");
	has_not("write to");
	/* It was the second one's end alone. */
	told(alloc(30) - 1, here());
	has("a block of 30 bytes");
}

static void
say_misuse(void)
{
	char buf[64];
	struct text t;

	text_init(&t, buf, sizeof buf);
	text_str(&t, "trimalloc: the sentence\n");
	guard_report_misuse(&t, guard_slot_of(other));
}

static void
misuse_within_a_report_is_told_without_a_history(void)
{
	char *p;

	boot();
	other = alloc(20);
	p = alloc(10);
	assert_int_equal(guard_free(other), GUARD_GONE);
	meanwhile = say_misuse;
	told(p - 1, here());
	has("trimalloc: the sentence\n");
	has("a block of 10 bytes");
	has_not("freed by");
}

static pthread_t second;

static void *
report_as_second(void *arg)
{
	(void)arg;
	report_other();
	return NULL;
}

/* Until it waits for the first one's report. */
static void
start_second(void)
{
	must(pthread_create(&second, NULL, report_as_second, NULL) == 0);
	while (nyields == 0)
		sched_yield();
}

static void
a_second_thread_s_report_comes_behind_the_first_one_s(void)
{
	struct hearing h;
	const char *at;
	char *p;

	boot();
	other = alloc(20);
	p = alloc(10);
	assert_int_equal(guard_free(p), GUARD_GONE);
	meanwhile = start_second;
	h = hear();
	report(p, GUARD_READ, here());
	pthread_join(second, NULL);
	heard(h, said, sizeof said);
	has("a freed block of 10 bytes");
	at = strstr(said, "underflow: write to 0x");
	assert_non_null(at);
	assert_non_null(strstr(at, "a block of 20 bytes"));
	/* The whole history of the first one is in front of it. */
	assert_true(strstr(said, "freed by thread ") < at);
	assert_null(strstr(at, "freed by thread "));
}

static void
report_in_child(void)
{
	guard_report_child();
	told(other - 1, here());
	has("a block of 20 bytes");
}

static void
fork_child(void)
{
	must(child_status(report_in_child) == 0);
}

static void *
fork_within_a_report(void *arg)
{
	meanwhile = fork_child;
	told(arg, here());
	return NULL;
}

/* Who reported is in the parent, and in the child nobody waits for him. */
static void
a_child_that_is_made_during_a_report_tells_its_own(void)
{
	pthread_t thread;

	boot();
	other = alloc(20);
	must(pthread_create(&thread, NULL, fork_within_a_report,
			    alloc(10) - 1) == 0);
	pthread_join(thread, NULL);
	has("a block of 10 bytes");
	assert_int_equal(nyields, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_fault_next_to_no_block_is_a_wild_access),
		alone(the_first_error_of_a_block_alone_is_told),
		alone(a_thread_s_name_steers_no_terminal),
		alone(code_of_a_file_is_told_by_the_file),
		alone(code_without_a_file_is_said_to_be_generated),
		alone(an_address_in_no_code_is_said_to_be_none),
		alone(without_a_map_of_the_process_no_call_is_told),
		alone(a_fault_within_a_report_is_not_told),
		alone(misuse_within_a_report_is_told_without_a_history),
		alone(a_second_thread_s_report_comes_behind_the_first_one_s),
		alone(a_child_that_is_made_during_a_report_tells_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
