/*
 * os.h -- every kernel call, with its contract and its price.
 *
 * Above   pages (memory), lock (futex), heap (CPUs), cache (membarrier),
 *         control (clock, bell)
 * Lock    none; all functions may be called by any thread at any time
 * Always  nothing here allocates; errno may change, the API files restore it;
 *         failure is NULL, false or a short count, never an abort
 *
 * Prices are medians on Linux 6.x, x86_64. Addresses and lengths are multiples
 * of PAGE_BYTES unless a line says otherwise. Where the kernel's pages are
 * larger, commits round outwards and purges want whole pages of the kernel's.
 */
#ifndef TRI_OS_OS_H
#define TRI_OS_OS_H

#include <stdatomic.h>

#include "../base/base.h"

/* --- memory ------------------------------------------------------------ */

/* The largest page of a kernel that we serve; boot() refuses others. */
#define OS_PAGE_BYTES_MAX (64 * KIB)

/*
 * The kernel's page: a power of two, at least PAGE_BYTES. On aarch64 the same
 * program may run with 4, 16 or 64 KiB, so nothing is compiled in.
 */
size_t os_page_bytes(void);

/*
 * Address space without memory: no access, no commit charge. `alignment` is a
 * power of two. NULL where the address space (RLIMIT_AS) is used up. 1 to 3
 * calls of 1 us.
 */
void *os_reserve(size_t bytes, size_t alignment);

/* Gives reserved address space back for good. */
void os_release(void *addr, size_t bytes);

/*
 * Makes reserved pages readable and writable; they read as zero. False where
 * the kernel refuses the charge (overcommit mode 2, RLIMIT_DATA). 1 us.
 */
bool os_commit(void *addr, size_t bytes);

/*
 * Leaves whole pages of the kernel's out of core dumps, or puts them back; gcore
 * writes inaccessible ones as well. True always, for it is a wish. 1 us.
 */
bool os_omit_from_dumps(void *addr, size_t bytes);
bool os_put_into_dumps(void *addr, size_t bytes);

/* Readable and writable zero pages anywhere, for our own records. */
void *os_map(size_t bytes);

/*
 * Gives the memory behind committed pages back; they read as zero afterwards.
 * False (and nothing changed, contents undefined) where the kernel refuses, or
 * the range is not whole pages of the kernel's: rounded outwards it would take
 * what lies beside it. 1 us and 0.1 us per resident page of a range.
 */
bool os_purge(void *addr, size_t bytes);

/*
 * Gives committed memory back with its commit charge, as os_reserve() made it;
 * os_commit() brings it again. The mapping is a fresh one: that heals what
 * os_move_pages did to it (pieces that the kernel cannot join). One that is
 * readable and writable at once would need the charge, and where that is
 * refused Linux before 6.12 has unmapped the old one already. False, and
 * nothing changed, where the kernel refuses. 2 us and what os_purge costs.
 */
bool os_decommit(void *addr, size_t bytes);

/* One range for os_purge_ranges. */
struct os_range {
	void *addr;
	size_t bytes;
};

/*
 * os_purge for many ranges with as few calls as the kernel allows: one
 * process_madvise (Linux 6.13 lets a process advise itself so), else a call
 * each. Returns how many of them, from the first on, were purged.
 */
size_t os_purge_ranges(const struct os_range *ranges, size_t n);

enum os_move {
	OS_MOVED,
	OS_REFUSED, /* nothing changed, but for the contents of `to` */
	OS_LOST,    /* the pages stayed, but `to` may no longer be our memory */
};

/*
 * Moves the pages of one committed range onto another of the same size,
 * without copying; what was at `to` is dropped, `from` reads as zero. Refused
 * where `from` lies in several mappings of the kernel's, on kernels before
 * 5.7, or out of mappings. 2 us and 0.02 us per page.
 */
enum os_move os_move_pages(void *from, void *to, size_t bytes);

/* --- threads ----------------------------------------------------------- */

/* Sleeps while *word == expected, at most timeout_ns (0: no limit). */
void os_futex_wait(_Atomic uint32_t *word, uint32_t expected,
		   uint64_t timeout_ns);
void os_futex_wake(_Atomic uint32_t *word, int nthreads);

/* Sleeps for ns nanoseconds or a little more. */
void os_sleep(uint64_t ns);

/*
 * Gives the calling thread a table of file descriptors of its own, so that
 * files it opens take no number from the program's threads, nor their closing
 * one. The first three numbers are taken in it, by what cannot be written to.
 * False before Linux 5.9: the table is shared as before.
 */
bool os_own_files(void);

/*
 * Has a handler called for a signal, on the alternative stack where there is
 * one, unless somebody handles or ignores it: true where it was not handled.
 * Between the question and the answer another thread may come; call it while
 * the program has one.
 */
bool os_catch_signal(int number, void (*handler)(int));

/* Lets others run; the caller spins on a word that they will write. */
void os_yield(void);

/*
 * True where os_membarrier works; registers the process once. 1 us while the
 * process has one thread.
 */
bool os_membarrier_register(void);

/*
 * Every other running thread of the process has executed a full memory
 * barrier between call and return; what is not running has done so when it
 * was switched away. 0.2 to 5 us. False where it is not to be had.
 */
bool os_membarrier(void);

/* --- the rest ---------------------------------------------------------- */

/* Monotonic time in nanoseconds. 20 ns by the vDSO. */
uint64_t os_now_ns(void);

/* Nanoseconds since 1970. 20 ns by the vDSO. */
uint64_t os_wall_ns(void);

/*
 * Page faults of the whole process so far: those that found a page in memory,
 * and those that waited for a disk. 1 us.
 */
void os_page_faults(uint64_t *nminor, uint64_t *nmajor);

/* CPU time of the calling thread in nanoseconds. 0.3 us. */
uint64_t os_thread_cpu_ns(void);

/*
 * CPUs this process may really use: its affinity mask, narrowed by the CPU
 * quota of its cgroup and of every group above (v2 cpu.max, v1
 * cpu.cfs_quota_us), rounded up; at least 1. Reads /proc and /sys: 50 us.
 */
unsigned os_ncpus(void);

/* The process's number: another one in the child of a vfork, too. 0.1 us. */
int os_pid(void);

/* The calling thread's number, as /proc/self/task has it. 0.1 us. */
int os_thread_id(void);

/* True where the environment must not be trusted (set-user-ID programs). */
bool os_is_secure(void);

/* --- fault injection, debug builds only -------------------------------- */

enum os_call {
	OS_CALL_RESERVE,
	OS_CALL_COMMIT,
	OS_CALL_MAP,
	OS_CALL_PURGE,
	OS_CALL_MOVE,
	OS_CALL_MEMBARRIER,
	OS_NCALLS,
};

/* Call number fail_at[k] of kind k fails, and all later ones for_good; 0: none. */
struct os_faults {
	_Atomic unsigned count[OS_NCALLS];
	_Atomic unsigned fail_at[OS_NCALLS];
	_Atomic bool for_good;
};

extern struct os_faults os_faults;

#endif
