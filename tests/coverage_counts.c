/*
 * coverage_counts.c -- one set of gcov's counters for all processes that run
 * the library of a coverage build; linked into that library alone.
 *
 * gcov writes a process's counters when it exits, by stdio and malloc, and not
 * at all when it is killed, aborts, calls _exit or exec. Here the counters are
 * a file that every process maps: none has anything to write, and whatever ends
 * it, what it ran is counted. tests/coverage starts one process more that
 * writes them for gcov.
 *
 * Always  coverage_counts.ld has put the counters, and nothing else, on pages
 *         of their own between coverage_begin and coverage_end
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern _Atomic uint64_t coverage_begin[], coverage_end[];

void __real___gcov_exit(void);
void __wrap___gcov_exit(void);

/* The file, mapped anywhere, or NULL. It may be closed to this process. */
static _Atomic uint64_t *
map_file(size_t nbytes)
{
	int fd = open(COVERAGE_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	void *map = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, (off_t)nbytes) == 0)
		map = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/* What was counted before constructors ran is added to the file's. */
__attribute__((constructor, no_profile_instrument_function)) static void
share(void)
{
	size_t n = (size_t)(coverage_end - coverage_begin);
	_Atomic uint64_t *file = map_file(n * sizeof *file);

	if (file == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		file[i] += coverage_begin[i];
	mremap((void *)file, n * sizeof *file, n * sizeof *file,
	       MREMAP_MAYMOVE | MREMAP_FIXED, (void *)coverage_begin);
}

/* What each of the library's objects calls when a process exits. */
void
__wrap___gcov_exit(void)
{
	if (getenv("COVERAGE_WRITE") != NULL)
		__real___gcov_exit();
}
