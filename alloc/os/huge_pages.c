/*
 * huge_pages.c -- what the kernel does with transparent huge pages, and what it
 * has of a range.
 *
 * Called by pages/hugepages before a purge makes holes, and by control's reports.
 */
#include <string.h>
#include <sys/mman.h>

#include "../base/bits.h"
#include "file.h"
#include "memory.h"

bool
os_advise_huge(void *addr, size_t bytes, bool yes)
{
	return madvise(addr, bytes, yes ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
}

bool
os_huge_by_default(void)
{
	char buf[64];

	return file_read("/sys/kernel/mm/transparent_hugepage/enabled", buf,
			 sizeof buf) &&
	       strstr(buf, "[always]") != NULL;
}

static bool
hex_parse(const char **s, uintptr_t *n)
{
	const char *start = *s;

	for (*n = 0;; ++*s) {
		char c = **s;

		if (c >= '0' && c <= '9')
			*n = *n * 16 + (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*n = *n * 16 + (uintptr_t)(c - 'a' + 10);
		else
			return *s > start;
	}
}

/* A mapping's first line: "7f0000000000-7f0000200000 rw-p ...". */
static bool
range_parse(const char *line, uintptr_t *start, uintptr_t *end)
{
	if (!hex_parse(&line, start) || *line++ != '-')
		return false;
	return hex_parse(&line, end) && *line == ' ';
}

/* "Rss:        8 kB" where the line is the named one. */
static size_t
field_bytes(const char *line, const char *name)
{
	size_t len = strlen(name);
	uint64_t kib;

	if (strncmp(line, name, len) != 0)
		return 0;
	for (line += len; *line == ' '; line++)
		continue;
	return number_parse(line, &kib) ? (size_t)kib * KIB : 0;
}

bool
os_residence(const void *addr, size_t bytes, struct os_residence *out)
{
	uintptr_t from = (uintptr_t)addr, start, end;
	bool is_ours = false;
	struct lines l;
	const char *line;

	*out = (struct os_residence){ 0, 0 };
	if (!lines_open(&l, "/proc/self/smaps"))
		return false;
	while ((line = lines_next(&l)) != NULL) {
		if (range_parse(line, &start, &end)) {
			is_ours = start >= from && end <= from + bytes;
		} else if (is_ours) {
			out->resident += field_bytes(line, "Rss:");
			out->huge += field_bytes(line, "AnonHugePages:");
		}
	}
	lines_close(&l);
	return true;
}

/* Its answers are one byte for each page of the kernel's. */
bool
os_in_core(const void *addr, size_t npages, uint64_t *bits)
{
	size_t page = os_page_bytes();
	uintptr_t start = align_down((uintptr_t)addr, page);
	uintptr_t end = (uintptr_t)addr + (npages << PAGE_SHIFT);
	unsigned char core[IN_CORE_NPAGES_MAX + 1];

	if (npages > IN_CORE_NPAGES_MAX)
		return false;
	memset(bits, 0, bits_nwords(npages) * sizeof bits[0]);
	if (mincore((void *)start, end - start, core) != 0)
		return false;
	for (size_t i = 0; i < npages; i++) {
		uintptr_t at = (uintptr_t)addr + (i << PAGE_SHIFT);

		if (core[(at - start) / page] & 1)
			bits_set(bits, i);
	}
	return true;
}

size_t
os_bytes_in_core(const void *addr, size_t bytes)
{
	uint64_t bits[IN_CORE_NPAGES_MAX / BITS_WORD];
	size_t npages = bytes >> PAGE_SHIFT, n = 0;

	for (size_t i = 0; i < npages; i += IN_CORE_NPAGES_MAX) {
		size_t part = min_size(npages - i, IN_CORE_NPAGES_MAX);
		const char *at = (const char *)addr + (i << PAGE_SHIFT);

		if (os_in_core(at, part, bits))
			n += bits_count_range(bits, 0, part);
	}
	return n << PAGE_SHIFT;
}
