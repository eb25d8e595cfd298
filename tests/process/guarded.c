/*
 * guarded.c -- blocks that stand between inaccessible pages: what is told of
 * their misuse, who gets the fault then, and how many there are.
 */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "library.h"
#include "xlib.h"

static void
free_by_size(void *p, size_t n)
{
	((void (*)(void *, size_t))library_function("free_sized"))(p, n);
}

static void
free_by_alignment(void *p, size_t alignment, size_t n)
{
	((void (*)(void *, size_t, size_t))library_function(
		"free_aligned_sized"))(p, alignment, n);
}

/* A guarded block alone has as many bytes as were asked for. */
#define ODD 4001

static size_t
figure(const char *name)
{
	int (*ctl)(const char *, void *, size_t *, void *,
		   size_t) = (int (*)(const char *, void *, size_t *, void *,
				      size_t))library_function("mallctl");
	uint64_t n = 0, epoch = 1;
	size_t bytes = sizeof n;

	expect(ctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0);

	expect_for(ctl(name, &n, &bytes, NULL, 0) == 0, "%s", name);
	return (size_t)n;
}

static size_t
nsampled(void)
{
	return figure("trimalloc.stats.guarded.sampled");
}

/* As free() takes it, and the compiler does not know it any more. */
static void *
plain(volatile char *p)
{
	return hide((void *)(uintptr_t)p);
}

static bool
is_guarded(void *p, size_t n)
{
	return malloc_usable_size(p) == n;
}

static volatile char *
guarded_block(void)
{
	for (unsigned i = 0; i < 100000; i++) {
		char *p = hide(malloc(ODD));

		if (is_guarded(p, ODD))
			return p;
	}
	case_failed(__FILE__, __LINE__, "guarded", "no block was guarded");
}

/* --- what is told ---------------------------------------------------------------- */

static void
a_write_after_free_is_told(void)
{
	volatile char *p = guarded_block();

	free(plain(p));
	p[7] = 1;
}

static void
a_read_after_free_is_told(void)
{
	volatile char *p = guarded_block();

	free(plain(p));
	(void)p[4000];
}

static void
a_write_behind_a_block_is_told(void)
{
	guarded_block()[4096] = 1;
}

static void
a_write_in_front_of_a_block_is_told(void)
{
	guarded_block()[-4096] = 1;
}

static void *
free_it(void *p)
{
	free(p);
	return NULL;
}

static void
a_second_free_is_told(void)
{
	void *p = plain(guarded_block());
	pthread_t thread;

	expect(pthread_create(&thread, NULL, free_it, p) == 0);
	pthread_join(thread, NULL);
	free(hide(p));
}

static void
a_free_inside_a_block_is_told(void)
{
	free(hide((char *)(uintptr_t)guarded_block() + 16));
}

/* Of the pool, and far behind every slot that was ever used. */
static void
a_free_where_no_block_was_is_told(void)
{
	size_t slot = 64 * 1024 + (size_t)sysconf(_SC_PAGESIZE);

	free(hide((char *)(uintptr_t)guarded_block() + 300 * slot));
}

static void
a_byte_written_behind_a_block_is_found_by_free(void)
{
	char *p = (char *)(uintptr_t)guarded_block();

	p[ODD] = 0;
	free(hide(p));
}

static void
a_realloc_of_a_freed_block_is_told(void)
{
	void *p = plain(guarded_block());

	free(p);
	expect(realloc(hide(p), 10) == NULL);
}

static void
a_free_by_a_wrong_size_is_told(void)
{
	free_by_size(plain(guarded_block()), 100);
}

/* --- who has the fault then ---------------------------------------------------------- */

static sigjmp_buf back;
static void *volatile fault_at;

static void
on_fault(int number, siginfo_t *info, void *context)
{
	expect(number == SIGSEGV && context != NULL);
	fault_at = info->si_addr;
	siglongjmp(back, 1);
}

static void
catch_faults(int flags)
{
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO | flags };

	expect(sigaction(SIGSEGV, &action, NULL) == 0);
}

/* True where a write there faults, and the handler was told so. */
static bool
faults(volatile char *p)
{
	fault_at = NULL;
	if (sigsetjmp(back, 1) == 0) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		*p = 1;
		return false;
	}
	expect(fault_at == p);
	return true;
}

static void
a_fault_goes_to_the_program_s_handler(void)
{
	volatile char *p;

	catch_faults(0);
	p = guarded_block();
	free(plain(p));
	expect(faults(p));
	/* And another one of the same block, of which nothing is said. */
	expect(faults(p + 1));
}

static void
a_fault_of_the_program_s_own_is_none_of_ours(void)
{
	char *map = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);

	catch_faults(SA_ONSTACK | SA_NODEFER);
	for (unsigned i = 0; i < 1000; i++) {
		expect(faults(map + i));
		expect(faults(NULL));
	}
}

static void
plain_handler(int number)
{
	expect(number == SIGSEGV);
	siglongjmp(back, 1);
}

static void
handlers_are_what_the_program_set(void)
{
	struct sigaction action, was;

	expect(sigaction(SIGSEGV, NULL, &was) == 0);
	expect(was.sa_handler == SIG_DFL);
	action = (struct sigaction){ .sa_sigaction = on_fault,
				     .sa_flags = SA_SIGINFO | SA_NODEFER };
	sigaddset(&action.sa_mask, SIGUSR1);
	expect(sigaction(SIGSEGV, &action, &was) == 0);
	expect(was.sa_handler == SIG_DFL);
	expect(signal(SIGSEGV, plain_handler) != SIG_ERR);
	expect(sigaction(SIGSEGV, &action, &was) == 0);
	expect(was.sa_handler == plain_handler);
	expect(sigaction(SIGSEGV, NULL, &was) == 0);
	expect(was.sa_sigaction == on_fault);
	expect((was.sa_flags & SA_SIGINFO) != 0);
	expect((was.sa_flags & SA_NODEFER) != 0);
	expect((was.sa_flags & SA_ONSTACK) == 0);
	expect(sigismember(&was.sa_mask, SIGUSR1) == 1);
	expect(signal(SIGSEGV, SIG_IGN) == (void (*)(int))(uintptr_t)on_fault);
	expect(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
	expect(sigaction(SIGSEGV, NULL, &was) == 0);
	expect(was.sa_handler == SIG_DFL);
}

static volatile sig_atomic_t ncalls;

static void
count_call(int number)
{
	(void)number;
	ncalls++;
}

static void
a_signal_that_is_sent_comes_once(void)
{
	expect(signal(SIGSEGV, count_call) == SIG_DFL);
	raise(SIGSEGV);
	expect(ncalls == 1);
	expect(kill(getpid(), SIGSEGV) == 0);
	expect(ncalls == 2);
}

static void
a_handler_for_one_call_is_called_once(void)
{
	struct sigaction action = { .sa_handler = count_call,
				    .sa_flags = (int)SA_RESETHAND };
	struct sigaction was;

	expect(sigaction(SIGSEGV, &action, NULL) == 0);
	raise(SIGSEGV);
	expect(ncalls == 1);
	expect(sigaction(SIGSEGV, NULL, &was) == 0);
	expect(was.sa_handler == SIG_DFL);
}

/* As signal() did it once. */
static void
a_handler_of_system_v_is_called_once(void)
{
	struct sigaction was;

	expect(__sysv_signal(SIGSEGV, count_call) == SIG_DFL);
	raise(SIGSEGV);
	expect(ncalls == 1);
	expect(sigaction(SIGSEGV, NULL, &was) == 0);
	expect(was.sa_handler == SIG_DFL);
	expect(__sysv_signal(SIGSEGV, SIG_IGN) == SIG_DFL);
	expect(__sysv_signal(SIGSEGV, SIG_DFL) == SIG_IGN);
}

/* Its handlers are its own, while it has its parent's memory. */
static void
the_child_of_a_vfork_sets_its_own_handlers(void)
{
	static struct sigaction was, after;
	static int status;
	volatile char *p = guarded_block();
	pid_t pid;

	free(plain(p));
	expect(signal(SIGSEGV, count_call) == SIG_DFL);
	pid = vfork();
	if (pid == 0) {
		struct sigaction none = { .sa_handler = SIG_IGN };

		sigaction(SIGSEGV, &none, &was);
		sigaction(SIGSEGV, NULL, &after);
		raise(SIGSEGV);
		_exit(3);
	}
	expect(pid > 0);
	expect(waitpid(pid, &status, 0) == pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	expect(was.sa_handler == count_call);
	expect(after.sa_handler == SIG_IGN);
	expect(ncalls == 0);
	/* In the parent all is as it was. */
	raise(SIGSEGV);
	expect(ncalls == 1);
	expect(signal(SIGSEGV, SIG_DFL) == count_call);
	p[7] = 1;
}

static void
a_signal_that_is_sent_ends_the_process_as_ever(void)
{
	raise(SIGSEGV);
}

static void
a_fault_elsewhere_ends_the_process_as_ever(void)
{
	*(volatile char *)hide(NULL) = 1;
}

static void
an_ignored_signal_stays_ignored_in_the_program_it_executes(void)
{
	expect(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
	raise(SIGSEGV);
	execl("/bin/sh", "sh", "-c", "kill -SEGV $$", NULL);
}

static void
a_child_tells_its_faults_too(void)
{
	volatile char *p = guarded_block();
	int status;
	pid_t pid;

	free(plain(p));
	pid = fork();
	expect(pid >= 0);
	if (pid == 0) {
		catch_faults(0);
		expect(faults(p));
		_exit(3);
	}
	expect(waitpid(pid, &status, 0) == pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

/* --- every entry point ------------------------------------------------------------- */

static void
every_kind_of_request_is_served(void)
{
	x_load();
	for (size_t n = 0; n < 20000; n = n * 5 / 4 + 1) {
		char *p = malloc(n), *q = calloc(1, n);
		void *r = NULL;

		expect(p != NULL && q != NULL);
		for (size_t i = 0; i < n; i++)
			expect(q[i] == 0);
		memset(p, 1, n);
		memset(q, 2, n);
		p = realloc(p, n + 1000);
		expect(p != NULL && (n == 0 || (p[0] == 1 && p[n - 1] == 1)));
		p = realloc(p, n / 2 + 1);
		expect(p != NULL && (n < 2 || p[n / 2] == 1));
		free_by_size(p, n / 2 + 1);
		expect(posix_memalign(&r, 256, n + 1) == 0);
		expect((uintptr_t)r % 256 == 0);
		free_by_alignment(r, 256, n + 1);
		r = x.mallocx(n + 1, X_ZERO | X_LG(6));
		expect(r != NULL && (uintptr_t)r % 64 == 0);
		expect(x.sallocx(r, 0) == x.nallocx(n + 1, X_LG(6)));
		r = x.rallocx(r, 2 * n + 10, X_ZERO);
		expect(r != NULL && x.xallocx(r, 3 * n + 20, 0, 0) > 0);
		x.sdallocx(r, x.sallocx(r, 0), 0);
		x.dallocx(q, X_NONE);
	}
	expect(nsampled() > 100);
}

/* --- how many ------------------------------------------------------------------------ */

#define NMANY 400000u

static void *many[NMANY];

static void
take_and_free(size_t n, size_t batch)
{
	for (size_t i = 0; i < NMANY; i += batch) {
		for (size_t k = 0; k < batch; k++)
			many[k] = hide(malloc(n));
		for (size_t k = 0; k < batch; k++)
			free(many[k]);
	}
}

/*
 * Batches that no cache holds: hardly a block comes from one uncounted. The
 * interval is drawn evenly, so the number of 4,000 strays by less than 40.
 */
static void
one_in_n_blocks_that_fill_a_cache_is_guarded(void)
{
	static const size_t sizes[] = { 16, 100, 500, 2000, 10000, 40000 };

	for (unsigned i = 0; i < 6; i++) {
		size_t before = nsampled() +
				figure("trimalloc.stats.guarded.full");
		size_t n;

		take_and_free(sizes[i], 20000);
		n = nsampled() + figure("trimalloc.stats.guarded.full") -
		    before;
		remark("%zu bytes, %u blocks: %zu due, one in %.0f\n", sizes[i],
		       NMANY, n, (double)NMANY / (double)n);
		/* Part of them come from the cache, and are not counted. */
		expect_for(n > NMANY / 100 * 6 / 10 &&
				   n < NMANY / 100 * 12 / 10,
			   "%zu of %u", n, NMANY);
	}
}

static void
a_pair_that_never_misses_is_guarded_now_and_then(void)
{
	pthread_t thread;
	size_t before;

	/* With it comes the trim thread. */
	expect(pthread_create(&thread, NULL, free_it, NULL) == 0);
	pthread_join(thread, NULL);
	before = nsampled();
	while (nsampled() - before < 3) {
		for (unsigned i = 0; i < 100000; i++)
			free(hide(malloc(48)));
	}
}

static void
threads_share_the_slots(void)
{
	expect(figure("trimalloc.stats.guarded.slots") == 16);
	for (unsigned i = 0; i < 1000; i++)
		many[i] = malloc(100);
	expect(figure("trimalloc.stats.guarded.live") == 8);
	expect(figure("trimalloc.stats.guarded.bytes") >= 8);
	for (unsigned i = 0; i < 1000; i++)
		free(many[i]);
	expect(figure("trimalloc.stats.guarded.live") < 8);
	expect(figure("trimalloc.stats.guarded.errors") == 0);
}

static void
nothing_is_guarded_unless_asked_for(void)
{
	take_and_free(100, 20000);
	expect(nsampled() == 0);
	expect(figure("trimalloc.stats.guarded.slots") == 0);
}

#define EACH "guarded:1,guarded_slots:512"

#define BLOCK  "block of 4001 bytes at 0x[0-9a-f]+"
#define ACCESS "0x[0-9a-f]+, [0-9]+ bytes "

static const struct test_case cases[] = {
	CASE(a_write_after_free_is_told, .conf = EACH, .signal = SIGSEGV,
	     .says_somewhere = "use after free: write to 0x[0-9a-f]+, "
			       "7 bytes into a freed " BLOCK),
	CASE(a_read_after_free_is_told, .conf = EACH, .signal = SIGSEGV,
	     .says_somewhere = "use after free: read from 0x[0-9a-f]+, "
			       "4000 bytes into a freed " BLOCK),
	CASE(a_write_behind_a_block_is_told, .conf = EACH, .signal = SIGSEGV,
	     .says_somewhere = "overflow: write to " ACCESS
			       "behind the end of a " BLOCK),
	CASE(a_write_in_front_of_a_block_is_told, .conf = EACH,
	     .signal = SIGSEGV,
	     .says_somewhere = "underflow: write to 0x[0-9a-f]+, "
			       "4096 bytes in front of a " BLOCK),
	CASE(a_second_free_is_told, .conf = EACH, .signal = SIGABRT,
	     .says_somewhere = "free\\(\\): 0x[0-9a-f]+ was already freed "
			       "\\(a guarded block of 4001 bytes\\)"),
	CASE(a_free_inside_a_block_is_told, .conf = EACH, .signal = SIGABRT,
	     .says_somewhere = "points into a block \\(a guarded "
			       "block of 4001 bytes, offset 16\\)"),
	CASE(a_free_where_no_block_was_is_told, .conf = EACH, .signal = SIGABRT,
	     .says_somewhere = "free\\(\\): 0x[0-9a-f]+ is not a pointer of "
			       "this allocator"),
	CASE(a_byte_written_behind_a_block_is_found_by_free, .conf = EACH,
	     .signal = SIGABRT,
	     .says_somewhere = "free\\(\\): 0x[0-9a-f]+ was written to "
			       "behind its end, at byte 4001 of 4001 "
			       "\\(a guarded block of 4001 bytes\\)"),
	CASE(a_realloc_of_a_freed_block_is_told, .conf = EACH,
	     .signal = SIGABRT,
	     .says_somewhere = "realloc\\(\\): 0x[0-9a-f]+ was already freed "
			       "\\(a guarded block of 4001 bytes\\)"),
	CASE(a_free_by_a_wrong_size_is_told, .conf = EACH, .signal = SIGABRT,
	     .says_somewhere =
		     "size 4001, not 100 \\(a guarded block of 4001 bytes\\)"),
	CASE(a_fault_goes_to_the_program_s_handler, .conf = EACH,
	     .says_somewhere = "use after free: write to 0x[0-9a-f]+, "
			       "0 bytes into a freed " BLOCK),
	CASE(a_fault_of_the_program_s_own_is_none_of_ours, .conf = EACH),
	CASE(handlers_are_what_the_program_set, .conf = EACH),
	CASE(a_signal_that_is_sent_comes_once, .conf = EACH),
	CASE(a_handler_for_one_call_is_called_once, .conf = EACH),
	CASE(a_handler_of_system_v_is_called_once, .conf = EACH),
	CASE(the_child_of_a_vfork_sets_its_own_handlers, .conf = EACH,
	     .signal = SIGSEGV,
	     .says_somewhere = "use after free: write to 0x[0-9a-f]+, "
			       "7 bytes into a freed " BLOCK),
	CASE(a_signal_that_is_sent_ends_the_process_as_ever, .conf = EACH,
	     .signal = SIGSEGV),
	CASE(a_fault_elsewhere_ends_the_process_as_ever, .conf = EACH,
	     .signal = SIGSEGV),
	CASE(an_ignored_signal_stays_ignored_in_the_program_it_executes,
	     .conf = EACH),
	CASE(a_child_tells_its_faults_too, .conf = EACH,
	     .says_somewhere = "use after free: write to"),
	CASE(every_kind_of_request_is_served, .conf = EACH),
	CASE(one_in_n_blocks_that_fill_a_cache_is_guarded,
	     .conf = "guarded:100,trim_thread:false"),
	CASE(a_pair_that_never_misses_is_guarded_now_and_then,
	     .conf = "guarded:1000"),
	CASE(threads_share_the_slots, .conf = "guarded:2,guarded_slots:16"),
	CASE(nothing_is_guarded_unless_asked_for),
};

int
main(int argc, char **argv)
{
	return RUN_CASES(argc, argv, cases);
}
