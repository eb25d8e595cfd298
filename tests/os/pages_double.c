/*
 * pages_double.c -- preloaded, a kernel whose pages are larger than the
 * machine's: TRI_PAGE_BYTES says how large.
 *
 * Above   tests/os/larger_pages.py, in front of tests and of the library;
 *         tests/os/larger_pages.c, which is linked with it and says the size
 * Lock    none
 * Always  what Linux does with such pages happens here: an address that is no
 *         multiple is refused with EINVAL, a length is rounded up, and what a
 *         rounded call takes with it is gone; a page is in core when any part
 *         of it is. What libc does for itself (stacks of threads) goes past
 *         this.
 *
 * Calls reach the machine's kernel by instructions of its own, for libc's
 * functions are the ones that are replaced.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pages_double.h"

#define SMALL_PAGE ((size_t)4096)

/* Of what a vector may hold. */
#define VECTOR_MAX 1024

#if defined(__x86_64__)
static long
call(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
     uintptr_t e, uintptr_t f)
{
	register uintptr_t r10 __asm__("r10") = d;
	register uintptr_t r8 __asm__("r8") = e;
	register uintptr_t r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static long
call(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
     uintptr_t e, uintptr_t f)
{
	register long x8 __asm__("x8") = number;
	register uintptr_t x0 __asm__("x0") = a;
	register uintptr_t x1 __asm__("x1") = b;
	register uintptr_t x2 __asm__("x2") = c;
	register uintptr_t x3 __asm__("x3") = d;
	register uintptr_t x4 __asm__("x4") = e;
	register uintptr_t x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return (long)x0;
}
#else
#error "how the kernel is called here is not known"
#endif

/* As libc's functions return it. */
static long
answer(long result)
{
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

static long
refuse(void)
{
	errno = EINVAL;
	return -1;
}

static long
open_to_read(const char *path)
{
	return call(SYS_openat, (uintptr_t)AT_FDCWD, (uintptr_t)path, O_RDONLY,
		    0, 0, 0);
}

/* The number behind "TRI_PAGE_BYTES=" in an environment, or 0. */
static size_t
number_in(const char *env, const char *end)
{
	static const char name[] = "TRI_PAGE_BYTES=";
	const char *n = name;
	size_t value = 0;

	for (; env < end && *n != '\0'; env++)
		n = *env == *n ? n + 1 : name;
	for (; env < end && *env >= '0' && *env <= '9'; env++)
		value = value * 10 + (size_t)(*env - '0');
	return value;
}

/* The kernel's copy: before libc is up, it has none. */
static size_t
read_page_bytes(void)
{
	static char env[64 * 1024];
	long fd = open_to_read("/proc/self/environ");
	size_t have = 0, value;
	long n;

	if (fd < 0)
		return SMALL_PAGE;
	while ((n = call(SYS_read, (uintptr_t)fd, (uintptr_t)env + have,
			 sizeof env - have, 0, 0, 0)) > 0)
		have += (size_t)n;
	call(SYS_close, (uintptr_t)fd, 0, 0, 0, 0, 0);
	value = number_in(env, env + have);
	return value == 0 ? SMALL_PAGE : value;
}

static _Atomic size_t known;

static size_t
page_bytes(void)
{
	if (known == 0)
		known = read_page_bytes();
	return known;
}

void
pages_double_set(size_t bytes)
{
	known = bytes;
}

static size_t
round_up(size_t n)
{
	return (n + page_bytes() - 1) & ~(page_bytes() - 1);
}

static bool
is_whole(const void *addr)
{
	return ((uintptr_t)addr & (page_bytes() - 1)) == 0;
}

/* --- what the process is told ------------------------------------------------ */

/* The auxiliary vector, which libc keeps to itself: the kernel's copy. */
static unsigned long
vector_entry(unsigned long type)
{
	unsigned long pair[2] = { 0, 0 }, found = 0;
	long fd = open_to_read("/proc/self/auxv");

	if (fd < 0)
		return 0;
	while (call(SYS_read, (uintptr_t)fd, (uintptr_t)pair, sizeof pair, 0, 0,
		    0) == sizeof pair) {
		if (pair[0] == type)
			found = pair[1];
	}
	call(SYS_close, (uintptr_t)fd, 0, 0, 0, 0, 0);
	return found;
}

unsigned long
getauxval(unsigned long type)
{
	return type == AT_PAGESZ ? page_bytes() : vector_entry(type);
}

/* --- mappings ---------------------------------------------------------------- */

/* Aligned address space of `bytes`, which are whole pages; 0: none is left. */
static uintptr_t
find_place(size_t bytes)
{
	size_t slack = page_bytes() - SMALL_PAGE;
	long at = call(SYS_mmap, 0, bytes + slack, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       (uintptr_t)-1, 0);
	uintptr_t start;

	if (at < 0 && at > -4096)
		return 0;
	start = round_up((uintptr_t)at);
	if (start > (uintptr_t)at)
		call(SYS_munmap, (uintptr_t)at, start - (uintptr_t)at, 0, 0, 0,
		     0);
	if ((uintptr_t)at + slack > start)
		call(SYS_munmap, start + bytes, (uintptr_t)at + slack - start,
		     0, 0, 0, 0);
	return start;
}

void *
mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	if (((size_t)offset & (page_bytes() - 1)) != 0)
		return (void *)refuse();
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!is_whole(addr))
			return (void *)refuse();
	} else {
		addr = (void *)find_place(round_up(bytes));
		if (addr == NULL) {
			errno = ENOMEM;
			return MAP_FAILED;
		}
		flags |= MAP_FIXED;
	}
	/* Beyond a file's end there is nothing to map. */
	if (fd < 0)
		bytes = round_up(bytes);
	return (void *)answer(call(SYS_mmap, (uintptr_t)addr, bytes,
				   (uintptr_t)prot, (uintptr_t)flags,
				   (uintptr_t)fd, (uintptr_t)offset));
}

int
munmap(void *addr, size_t bytes)
{
	if (!is_whole(addr))
		return (int)refuse();
	return (int)answer(
		call(SYS_munmap, (uintptr_t)addr, round_up(bytes), 0, 0, 0, 0));
}

int
mprotect(void *addr, size_t bytes, int prot)
{
	if (!is_whole(addr))
		return (int)refuse();
	return (int)answer(call(SYS_mprotect, (uintptr_t)addr, round_up(bytes),
				(uintptr_t)prot, 0, 0, 0));
}

int
madvise(void *addr, size_t bytes, int advice)
{
	if (!is_whole(addr))
		return (int)refuse();
	return (int)answer(call(SYS_madvise, (uintptr_t)addr, round_up(bytes),
				(uintptr_t)advice, 0, 0, 0));
}

void *
mremap(void *from, size_t old_bytes, size_t bytes, int flags, ...)
{
	va_list args;
	void *to;

	va_start(args, flags);
	to = (flags & MREMAP_FIXED) ? va_arg(args, void *) : NULL;
	va_end(args);
	if (!is_whole(from) || !is_whole(to))
		return (void *)refuse();
	return (void *)answer(call(SYS_mremap, (uintptr_t)from,
				   round_up(old_bytes), round_up(bytes),
				   (uintptr_t)flags, (uintptr_t)to, 0));
}

/* --- what is in core ----------------------------------------------------------- */

/* One of our pages: -1 where a part of it is no mapping, else 0 or 1. */
static int
is_in_core(const void *addr)
{
	unsigned char small[64] = { 0 };
	size_t n = page_bytes() / SMALL_PAGE;
	int any = 0;

	if (call(SYS_mincore, (uintptr_t)addr, page_bytes(), (uintptr_t)small,
		 0, 0, 0) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		any |= small[i] & 1;
	return any;
}

int
mincore(void *addr, size_t bytes, unsigned char *core)
{
	size_t n = round_up(bytes) / page_bytes();

	if (!is_whole(addr))
		return (int)refuse();
	for (size_t i = 0; i < n; i++) {
		int one = is_in_core((char *)addr + i * page_bytes());

		if (one < 0) {
			errno = ENOMEM;
			return -1;
		}
		core[i] = (unsigned char)one;
	}
	return 0;
}

/* --- process_madvise, by the function for all others ---------------------------- */

/* Linux looks at each range in turn, and rounds it as madvise does. */
static long
advise_vector(uintptr_t whose, const struct iovec *ranges, size_t n,
	      uintptr_t advice)
{
	struct iovec rounded[VECTOR_MAX];

	for (size_t i = 0; i < n && i < VECTOR_MAX; i++) {
		if (!is_whole(ranges[i].iov_base))
			return refuse();
		rounded[i].iov_base = ranges[i].iov_base;
		rounded[i].iov_len = round_up(ranges[i].iov_len);
	}
	return answer(call(SYS_process_madvise, whose, (uintptr_t)rounded, n,
			   advice, 0, 0));
}

long
syscall(long number, ...)
{
	uintptr_t a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, uintptr_t);
	va_end(args);
	if (number == SYS_process_madvise)
		return advise_vector(a[0], (const struct iovec *)a[1], a[2],
				     a[3]);
	return answer(call(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

long
sysconf(int name)
{
	static long (*next)(int);

	if (name == _SC_PAGESIZE)
		return (long)page_bytes();
	if (next == NULL)
		next = (long (*)(int))(uintptr_t)dlsym(RTLD_NEXT, "sysconf");
	return next(name);
}

int
getpagesize(void)
{
	return (int)page_bytes();
}
