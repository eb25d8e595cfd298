/*
 * memory.h -- what limits and rules say about memory, and huge pages: the part
 * of os.h that is asked by those who give memory back.
 *
 * Above   pages/pagepool, pages/hugepages, control
 * Lock    none; what os.h says holds here too
 * Always  nothing is remembered: rules may change while the process runs
 */
#ifndef TRI_OS_MEMORY_H
#define TRI_OS_MEMORY_H

#include "os.h"

/* --- limits of memory -------------------------------------------------- */

/* What the memory cgroups allow, for the group nearest to its limit; bytes. */
struct os_memory {
	size_t usage;     /* charged to the group; see os_memory() */
	size_t threshold; /* from here on there is pressure */
	size_t limit;     /* SIZE_MAX: there is but memory.high */
};

/*
 * How near the process is to a limit of its cgroups: its own and all above, as
 * far as they can be seen, of version 2 (memory.max, memory.high) or 1
 * (limit_in_bytes; the combined limit with swap and the soft limit are none).
 * The threshold is memory.high where that is below the limit, else `percent`,
 * 1 to 100, of the limit; the nearest group has the least threshold - usage,
 * which may be below 0. False: no limit, or none to be known.
 *
 * Usage is without the page cache that the kernel could drop; this is looked
 * up only from 7/8 of the threshold on, below that usage has the cache in it.
 * Nothing is remembered, neither limits nor groups. 75 us without a limit; 15
 * us more for each group that has one, and again where usage is near it; 40 of
 * the 75 are the mount table, at 2 us per mount. Uses a file descriptor.
 */
bool os_memory(unsigned percent, struct os_memory *out);

/*
 * Microseconds, since the group was made, in which some of its tasks waited
 * for memory (PSI, memory.pressure of the own group of version 2; where there
 * is none the machine's, since its boot). 0: not to be known. 50 us.
 */
uint64_t os_memory_stall_us(void);

/* --- rules about what is not resident ---------------------------------- */

/*
 * True where commit charge is short by rule, of memory that is not resident
 * too: overcommit mode 2, RLIMIT_DATA, RLIMIT_AS. 5 us.
 */
bool os_commit_is_scarce(void);

/* --- huge pages -------------------------------------------------------- */

/*
 * Advises the kernel to back a range by transparent huge pages, or not to. A
 * new mapping of the place forgets the advice. False where it is not heard.
 * 1 us; a range of its own advice is a mapping of its own to the kernel.
 */
bool os_advise_huge(void *addr, size_t bytes, bool yes);

/*
 * Has the kernel split the huge page that a part of one, about to be purged, is
 * in: MADV_DONTNEED alone gives a part's memory back only when the kernel looks
 * for some. What is in the part is lost (MADV_FREE; Linux 4.5). False where it
 * is refused, or the range is not of whole pages; 10 us for a huge page.
 */
bool os_split_huge(void *addr, size_t bytes);

/*
 * True where the kernel makes huge pages of memory that nobody advised about
 * (transparent_hugepage/enabled is `always`). 5 us.
 */
bool os_huge_by_default(void);

/* What of a range is resident, and what of that is huge; bytes. */
struct os_residence {
	size_t resident, huge;
};

/*
 * Adds up the mappings that lie within a range. False where /proc/self/smaps
 * cannot be read. Slow, for reports: the kernel walks all the process's pages,
 * 1 ms per GiB resident.
 */
bool os_residence(const void *addr, size_t bytes, struct os_residence *out);

/* Pages that one os_in_core() tells of. */
#define IN_CORE_NPAGES_MAX 512u

/*
 * Which of up to that many pages are resident: a bit for each, from bits[0]
 * on. A page that was read and never written counts too, though it is the
 * kernel's one page of zeros. False, and no bit set, where the kernel does not
 * say; errno is ENOMEM where part of the range is no mapping. 5 us.
 */
bool os_in_core(const void *addr, size_t npages, uint64_t *bits);

/* How many bytes of a range are; parts that are no mapping count for none. */
size_t os_bytes_in_core(const void *addr, size_t bytes);

#endif
