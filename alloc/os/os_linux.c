/*
 * os_linux.c -- os.h on Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../base/check.h"
#include "guarded.h"
#include "memory.h"

/*
 * Not MAP_NORESERVE: inaccessible memory is not charged anyway, and with that
 * flag mprotect would not ask whether the machine can bear the commit.
 */
#define MAP_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS)

/* As many ranges as one vector may hold (UIO_MAXIOV is 1,024). */
#define PURGE_VECTOR 64

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

/* The value that names the calling process to process_madvise (6.13). */
#define PIDFD_OURSELVES (-10000)

struct os_faults os_faults;

/* Debug builds: is it this call's turn to fail? */
static bool
fault(enum os_call call)
{
	unsigned at, count;

	if (!TRI_DEBUG)
		return false;
	/* Relaxed: counters for tests, which order them by their own means. */
	at = atomic_load_explicit(&os_faults.fail_at[call],
				  memory_order_relaxed);
	count = 1 + atomic_fetch_add_explicit(&os_faults.count[call], 1,
					      memory_order_relaxed);
	if (at == 0)
		return false;
	return count == at ||
	       (count > at && atomic_load_explicit(&os_faults.for_good,
						   memory_order_relaxed));
}

size_t
os_page_bytes(void)
{
	static _Atomic size_t known;
	/* Relaxed: every thread finds the same number. */
	size_t n = atomic_load_explicit(&known, memory_order_relaxed);

	if (n == 0) {
		n = max_size(getauxval(AT_PAGESZ), PAGE_BYTES);
		atomic_store_explicit(&known, n, memory_order_relaxed);
	}
	return n;
}

static void *
map_or_null(size_t bytes, int prot, int flags)
{
	void *addr = mmap(NULL, bytes, prot, flags, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

void
os_release(void *addr, size_t bytes)
{
	if (bytes > 0)
		munmap(addr, bytes);
}

void *
os_reserve(size_t bytes, size_t alignment)
{
	size_t slack = max_size(alignment, os_page_bytes()) - os_page_bytes();
	char *addr, *start;

	if (fault(OS_CALL_RESERVE))
		return NULL;
	addr = map_or_null(bytes + slack, PROT_NONE, MAP_FLAGS);
	if (addr == NULL)
		return NULL;
	start = addr + (align_up((uintptr_t)addr, alignment) - (uintptr_t)addr);
	os_release(addr, (size_t)(start - addr));
	os_release(start + bytes, slack - (size_t)(start - addr));
	return start;
}

bool
os_commit(void *addr, size_t bytes)
{
	uintptr_t start = align_down((uintptr_t)addr, os_page_bytes());
	uintptr_t end = align_up((uintptr_t)addr + bytes, os_page_bytes());

	if (fault(OS_CALL_COMMIT))
		return false;
	return mprotect((void *)start, end - start, PROT_READ | PROT_WRITE) ==
	       0;
}

static bool
advise_dumps(void *addr, size_t bytes, int advice)
{
	uintptr_t start = align_down((uintptr_t)addr, os_page_bytes());
	uintptr_t end = align_up((uintptr_t)addr + bytes, os_page_bytes());
	int before = errno;

	(void)!madvise((void *)start, end - start, advice);
	errno = before;
	return true;
}

bool
os_omit_from_dumps(void *addr, size_t bytes)
{
	return advise_dumps(addr, bytes, MADV_DONTDUMP);
}

bool
os_put_into_dumps(void *addr, size_t bytes)
{
	return advise_dumps(addr, bytes, MADV_DODUMP);
}

void *
os_map(size_t bytes)
{
	if (fault(OS_CALL_MAP))
		return NULL;
	return map_or_null(bytes, PROT_READ | PROT_WRITE, MAP_FLAGS);
}

void *
os_map_guarded(size_t bytes)
{
	size_t guard = os_page_bytes();
	char *at;

	if (fault(OS_CALL_MAP))
		return NULL;
	at = map_or_null(bytes + 2 * guard, PROT_NONE, MAP_FLAGS);
	if (at == NULL)
		return NULL;
	if (mprotect(at + guard, bytes, PROT_READ | PROT_WRITE) != 0) {
		os_release(at, bytes + 2 * guard);
		return NULL;
	}
	return at + guard;
}

void
os_seal(void *addr, size_t bytes)
{
	uintptr_t start = align_up((uintptr_t)addr, os_page_bytes());
	uintptr_t end = align_down((uintptr_t)addr + bytes, os_page_bytes());

	if (start < end)
		(void)!mprotect((void *)start, end - start, PROT_READ);
}

/* The kernel would round a length up and purge what is not in the range. */
static bool
is_whole_pages(const void *addr, size_t bytes)
{
	return (((uintptr_t)addr | bytes) & (os_page_bytes() - 1)) == 0;
}

bool
os_purge(void *addr, size_t bytes)
{
	if (fault(OS_CALL_PURGE) || !is_whole_pages(addr, bytes))
		return false;
	if (madvise(addr, bytes, MADV_DONTNEED) == 0)
		return true;
	/* Memory locked by mlockall; Linux 5.18 can give it back as well. */
	return errno == EINVAL &&
	       madvise(addr, bytes, MADV_DONTNEED_LOCKED) == 0;
}

bool
os_split_huge(void *addr, size_t bytes)
{
	return is_whole_pages(addr, bytes) &&
	       madvise(addr, bytes, MADV_FREE) == 0;
}

bool
os_decommit(void *addr, size_t bytes)
{
	if (fault(OS_CALL_PURGE))
		return false;
	return mmap(addr, bytes, PROT_NONE, MAP_FLAGS | MAP_FIXED, -1, 0) ==
	       addr;
}

/*
 * The vectored form on at most PURGE_VECTOR ranges: how many went, from the
 * first. The kernel returns bytes, and may stop early.
 */
static size_t
purge_vector(const struct os_range *ranges, size_t n)
{
	struct iovec v[PURGE_VECTOR];
	size_t done = 0, bytes = 0;
	long went;

	if (fault(OS_CALL_PURGE))
		return 0;
	n = min_size(n, PURGE_VECTOR);
	for (size_t i = 0; i < n; i++) {
		if (!is_whole_pages(ranges[i].addr, ranges[i].bytes))
			return 0;
		v[i] = (struct iovec){ ranges[i].addr, ranges[i].bytes };
	}
	went = syscall(SYS_process_madvise, PIDFD_OURSELVES, v, n,
		       MADV_DONTNEED, 0);
	while (done < n && went > 0 &&
	       bytes + ranges[done].bytes <= (size_t)went)
		bytes += ranges[done++].bytes;
	return done;
}

size_t
os_purge_ranges(const struct os_range *ranges, size_t n)
{
	size_t done = 0;

	while (n - done > 1) {
		size_t went = purge_vector(ranges + done, n - done);

		if (went == 0)
			break;
		done += went;
	}
	while (done < n && os_purge(ranges[done].addr, ranges[done].bytes))
		done++;
	return done;
}

/*
 * True where the range lies in one mapping: the kernel then says ENOMEM to a
 * wish to grow in place, for what follows is mapped as well, and EFAULT to one
 * for a range of several mappings.
 */
static bool
is_one_mapping(void *addr, size_t bytes)
{
	size_t more = bytes + os_page_bytes();

	if (mremap(addr, bytes, more, 0) == MAP_FAILED)
		return errno == ENOMEM;
	/* The end of a region, and nothing behind it: it did grow. */
	return mremap(addr, more, bytes, 0) == addr;
}

/*
 * Whether a word that may not be mapped any more is what was written there: the
 * kernel compares before it sleeps, and has a range that is not as an error.
 */
static bool
still_reads(void *addr, uint32_t word)
{
	struct timespec at_once = { 0, 0 };

	/* A signal or somebody's wake may come, but only to who compared. */
	return syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, word, &at_once,
		       NULL, 0) == 0 ||
	       errno == ETIMEDOUT || errno == EINTR;
}

/*
 * mremap unmaps the target before most of what can fail, and Linux 5.2 and later
 * refuse where there are nearly too many mappings before that. So a failure may
 * leave a hole, into which another thread's mmap may fall: hence the probe, and
 * a new mapping that replaces nothing. Where there was one already, it may be
 * the target itself: from the first such case on a word is written there by
 * which we know it again. Not before, for that costs a fault, of a huge page
 * perhaps.
 */
enum os_move
os_move_pages(void *from, void *to, size_t bytes)
{
	/* EINVAL: Linux before 5.7, which looked at the flags first. */
	static _Atomic bool is_unknown, is_unsure;
	uint32_t mark = 0;

	if (fault(OS_CALL_MOVE) ||
	    atomic_load_explicit(&is_unknown, memory_order_relaxed) ||
	    !is_one_mapping(from, bytes))
		return OS_REFUSED;
	/* Not 0, which is what fresh pages of others have. Relaxed: a hint. */
	if (atomic_load_explicit(&is_unsure, memory_order_relaxed))
		*(uint32_t *)to = mark = (uint32_t)os_now_ns() | 1;
	if (mremap(from, bytes, bytes,
		   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		   to) == to) {
		/* Changes nothing in Linux. qemu's user mode believes that
		 * `from` is unmapped, and refuses its system calls and vector
		 * loads and stores (those of memcpy) until it is told. */
		(void)mprotect(from, bytes, PROT_READ | PROT_WRITE);
		return OS_MOVED;
	}
	if (errno == EINVAL) {
		atomic_store_explicit(&is_unknown, true, memory_order_relaxed);
		return OS_REFUSED;
	}
	if (mmap(to, bytes, PROT_READ | PROT_WRITE,
		 MAP_FLAGS | MAP_FIXED_NOREPLACE, -1, 0) == to)
		return OS_REFUSED;
	if (mark != 0 && still_reads(to, mark))
		return OS_REFUSED;
	atomic_store_explicit(&is_unsure, true, memory_order_relaxed);
	return OS_LOST;
}

void
os_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / NS_PER_S),
		.tv_nsec = (long)(timeout_ns % NS_PER_S),
	};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
		timeout_ns == 0 ? NULL : &ts, NULL, 0);
}

void
os_futex_wake(_Atomic uint32_t *word, int nthreads)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, nthreads, NULL, NULL, 0);
}

void
os_sleep(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};

	/* By syscall(): the function is a cancellation point. */
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
}

void
os_yield(void)
{
	sched_yield();
}

/*
 * The first three numbers are the read end of a pipe that has no other: no
 * file that is opened here is ever taken for stdin, stdout or stderr.
 */
static void
take_first_numbers(void)
{
	int fds[2];

	if (syscall(SYS_pipe2, fds, O_CLOEXEC) != 0)
		return;
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fd != fds[0])
			syscall(SYS_dup3, fds[0], fd, O_CLOEXEC);
	}
}

bool
os_own_files(void)
{
	if (syscall(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE) != 0)
		return false;
	take_first_numbers();
	return true;
}

bool
os_catch_signal(int number, void (*handler)(int))
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) != 0 ||
	    action.sa_handler != SIG_DFL || (action.sa_flags & SA_SIGINFO) != 0)
		return false;
	action = (struct sigaction){
		.sa_handler = handler,
		.sa_flags = SA_RESTART | SA_ONSTACK,
	};
	sigemptyset(&action.sa_mask);
	return sigaction(number, &action, NULL) == 0;
}

bool
os_membarrier_register(void)
{
	if (fault(OS_CALL_MEMBARRIER))
		return false;
	return syscall(SYS_membarrier,
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool
os_membarrier(void)
{
	if (fault(OS_CALL_MEMBARRIER))
		return false;
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0,
		       0) == 0;
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t
os_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
os_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void
os_page_faults(uint64_t *nminor, uint64_t *nmajor)
{
	struct rusage usage;

	*nminor = *nmajor = 0;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	*nminor = (uint64_t)usage.ru_minflt;
	*nmajor = (uint64_t)usage.ru_majflt;
}

uint64_t
os_thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int
os_pid(void)
{
	return getpid();
}

int
os_thread_id(void)
{
	return (int)syscall(SYS_gettid);
}

bool
os_is_secure(void)
{
	return getauxval(AT_SECURE) != 0;
}

/* Of the sixteen bytes that the kernel gives each program at exec. */
uint64_t
os_secret(void)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);
	uint64_t secret;

	if (bytes == NULL)
		return os_now_ns() ^ (uintptr_t)&secret;
	memcpy(&secret, bytes, sizeof secret);
	return secret;
}

uint64_t
os_random(void)
{
	static _Atomic uint64_t state;
	/* Weyl's sequence, mixed. */
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t unseeded = 0;

	/* Relaxed: of two first seeds either is as good. */
	if (atomic_load_explicit(&state, memory_order_relaxed) == 0)
		atomic_compare_exchange_strong_explicit(
			&state, &unseeded, (os_secret() ^ os_now_ns()) | 1,
			memory_order_relaxed, memory_order_relaxed);
	return mix_bits(
		atomic_fetch_add_explicit(&state, step, memory_order_relaxed));
}
