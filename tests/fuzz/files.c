/*
 * files.c -- what is read of /proc and /sys, whatever stands there.
 *
 * The input is a percentage, the size of a read, and files: each a byte that
 * says which, its text, and 0xff. The kernel's calls are made up at link time.
 * What is made of the files stays within bounds, and is the same however small
 * the pieces are in which they are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "control/report.h"
#include "fuzz.h"
#include "os/memory.h"

#define FIRST_FD 5000
#define NOPEN    8

/* By the end of their path, for where a group's lie is the input's. */
static const char *const names[] = {
	"/proc/thread-self/cgroup",
	"/proc/thread-self/mountinfo",
	"/proc/self/cgroup",
	"/proc/self/mountinfo",
	"/memory.max",
	"/memory.high",
	"/memory.current",
	"/memory.stat",
	"/memory.pressure",
	"/memory.limit_in_bytes",
	"/memory.usage_in_bytes",
	"/release_agent",
	"/cpu.max",
	"/cpu.cfs_quota_us",
	"/cpu.cfs_period_us",
	"/proc/pressure/memory",
	"/proc/self/smaps",
	"/transparent_hugepage/enabled",
	"/overcommit_memory",
	"/comm",
};

#define NFILES COUNT_OF(names)

static struct {
	char *text; /* NULL: there is none */
	size_t len;
} files[NFILES];

static struct {
	int file; /* -1: closed */
	size_t at;
} opened[NOPEN];

static size_t piece; /* what one read gives */

long __wrap_syscall(long number, ...);

/* --- the kernel ------------------------------------------------------------------ */

static long
open_file(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < NFILES; i++) {
		size_t n = strlen(names[i]);

		if (files[i].text == NULL || n > len ||
		    strcmp(path + len - n, names[i]) != 0)
			continue;
		for (int fd = 0; fd < NOPEN; fd++) {
			if (opened[fd].file >= 0)
				continue;
			opened[fd].file = (int)i;
			opened[fd].at = 0;
			return FIRST_FD + fd;
		}
		abort();
	}
	errno = ENOENT;
	return -1;
}

static long
read_file(long fd, char *buf, size_t cap)
{
	int file = opened[fd - FIRST_FD].file;
	size_t *at = &opened[fd - FIRST_FD].at, n;

	must(file >= 0);
	n = files[file].len - *at;
	n = n < cap ? n : cap;
	n = n < piece ? n : piece;
	memcpy(buf, files[file].text + *at, n);
	*at += n;
	return (long)n;
}

long
__wrap_syscall(long number, ...)
{
	long arg[4];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < COUNT_OF(arg); i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_openat)
		return open_file((const char *)(uintptr_t)arg[1]);
	if (number == SYS_read)
		return read_file(arg[0], (char *)(uintptr_t)arg[1],
				 (size_t)arg[2]);
	must(number == SYS_close && opened[arg[0] - FIRST_FD].file >= 0);
	opened[arg[0] - FIRST_FD].file = -1;
	return 0;
}

/* --- what is made of it ------------------------------------------------------------ */

struct found {
	bool has_memory, has_residence, is_huge, is_scarce;
	struct os_memory memory;
	struct os_residence residence;
	uint64_t stall_us;
	unsigned ncpus;
	char name[THREAD_NAME_BYTES];
};

static void
look(unsigned percent, struct found *f)
{
	cpu_set_t set;

	memset(f, 0, sizeof *f);
	f->has_memory = os_memory(percent, &f->memory);
	f->stall_us = os_memory_stall_us();
	f->ncpus = os_ncpus();
	f->has_residence = os_residence((void *)(uintptr_t)0x7f0000000000,
					(size_t)1 << 30, &f->residence);
	f->is_huge = os_huge_by_default();
	f->is_scarce = os_commit_is_scarce();
	thread_name(1, f->name);
	must(memchr(f->name, '\0', sizeof f->name) != NULL);
	must(sched_getaffinity(0, sizeof set, &set) == 0);
	must(f->ncpus >= 1 && f->ncpus <= (unsigned)CPU_COUNT(&set));
	if (f->has_memory)
		must(f->memory.threshold <= f->memory.limit);
	for (int fd = 0; fd < NOPEN; fd++)
		must(opened[fd].file < 0);
}

static bool
is_same(const struct found *a, const struct found *b)
{
	return a->has_memory == b->has_memory &&
	       memcmp(&a->memory, &b->memory, sizeof a->memory) == 0 &&
	       a->stall_us == b->stall_us && a->ncpus == b->ncpus &&
	       a->residence.resident == b->residence.resident &&
	       a->residence.huge == b->residence.huge &&
	       a->is_huge == b->is_huge && a->is_scarce == b->is_scarce &&
	       strcmp(a->name, b->name) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned percent = 1 + take_byte(&in) % 100;
	struct found whole, pieces;

	piece = 1 + take_byte(&in);
	for (int fd = 0; fd < NOPEN; fd++)
		opened[fd].file = -1;
	while (in.left > 0) {
		unsigned i = take_byte(&in) % NFILES;

		free(files[i].text);
		files[i].text = take_until(&in, (char)0xff, &files[i].len);
	}
	look(percent, &pieces);
	piece = SIZE_MAX;
	look(percent, &whole);
	must(is_same(&pieces, &whole));
	for (size_t i = 0; i < NFILES; i++) {
		free(files[i].text);
		files[i].text = NULL;
	}
	return 0;
}
