/*
 * memory.c -- see memory.h.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

/* --- patterns ------------------------------------------------------------ */

/* One word of the pattern: a multiplicative hash, so that a word that was
 * moved, or that another block wrote, does not fit. */
static uint64_t
pattern_word(uint64_t key, size_t index)
{
	uint64_t x = (key + index) * 0x9e3779b97f4a7c15u;

	return x ^ (x >> 29);
}

void
pattern_fill(void *block, size_t bytes, uint64_t key)
{
	unsigned char *p = block;
	uint64_t last;
	size_t i = 0;

	for (; bytes - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t word = pattern_word(key, i);

		memcpy(p + i, &word, sizeof word);
	}
	last = pattern_word(key, i);
	memcpy(p + i, &last, bytes - i);
}

size_t
pattern_check(const void *block, size_t bytes, uint64_t key)
{
	const unsigned char *p = block;
	uint64_t last;
	size_t i = 0;

	for (; bytes - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t word = pattern_word(key, i);

		if (memcmp(p + i, &word, sizeof word) != 0)
			return i;
	}
	last = pattern_word(key, i);
	return memcmp(p + i, &last, bytes - i) == 0 ? bytes : i;
}

size_t
zero_check(const void *block, size_t bytes)
{
	const unsigned char *p = block;
	size_t i = 0;

	/* The first byte is 0 and every byte equals the one before it. */
	if (bytes > 0 && p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0)
		return bytes;
	while (i < bytes && p[i] == 0)
		i++;
	return i;
}

/* --- the process's memory ------------------------------------------------- */

static size_t
field_kib(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static bool
read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* A file of /proc, taken line by line; what is longer than that is cut. */
struct lines {
	int fd;
	size_t at, filled;
	char text[4096];
};

static bool
line_next(struct lines *l, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		if (l->at == l->filled) {
			ssize_t got = read(l->fd, l->text, sizeof l->text);

			if (got <= 0)
				return false;
			l->at = 0;
			l->filled = (size_t)got;
		}
		if (l->text[l->at++] == '\n')
			break;
		if (n < size - 1)
			line[n++] = l->text[l->at - 1];
	}
	line[n] = '\0';
	return true;
}

/* The beginning of a mapping's line, "LOW-HIGH ". */
static bool
is_mapping(const char *line, uintptr_t *low, uintptr_t *high)
{
	char *end;

	*low = strtoul(line, &end, 16);
	if (end == line || *end != '-')
		return false;
	*high = strtoul(end + 1, &end, 16);
	return *end == ' ';
}

/*
 * In an emulator, of the program alone: qemu has megabytes of its own, which grow
 * by the page that the program maps. /proc/self/smaps is the kernel's there and
 * counts both; /proc/self/maps is qemu's and names what the program has, by its
 * own addresses, TRI_EMULATOR_BASE below the kernel's. Both are in their order.
 */
static size_t
resident_bytes_emulated(void)
{
	struct lines maps = { .fd = open("/proc/self/maps",
					 O_RDONLY | O_CLOEXEC) };
	struct lines all = { .fd = open("/proc/self/smaps",
					O_RDONLY | O_CLOEXEC) };
	const char *base_text = getenv("TRI_EMULATOR_BASE");
	uintptr_t base = base_text == NULL ? 0 : strtoul(base_text, NULL, 16);
	uintptr_t low, high, own_low = 0, own_high = 0;
	bool is_own = false;
	char line[256], own[256];
	size_t kib = 0;

	while (line_next(&all, line, sizeof line)) {
		if (!is_mapping(line, &low, &high)) {
			if (is_own)
				kib += field_kib(line, "Anonymous:");
			continue;
		}
		while (low >= base && own_high <= low - base &&
		       line_next(&maps, own, sizeof own))
			is_mapping(own, &own_low, &own_high);
		is_own = low >= base && own_low <= low - base &&
			 low - base < own_high;
	}
	close(maps.fd);
	close(all.fd);
	/* It has a stack at least. */
	if (kib == 0)
		abort();
	return kib * KIB;
}

size_t
resident_bytes(void)
{
	char text[4096];

	if (getenv("TRI_EMULATOR") != NULL)
		return resident_bytes_emulated();
	/* Exact, where statm lags behind by some pages per CPU. */
	if (read_file("/proc/self/smaps_rollup", text, sizeof text))
		return field_kib(text, "\nAnonymous:") * KIB;
	/* Kernels without it. */
	if (read_file("/proc/self/status", text, sizeof text))
		return field_kib(text, "\nRssAnon:") * KIB;
	abort();
}

size_t
data_bytes(void)
{
	char text[4096];

	if (!read_file("/proc/self/status", text, sizeof text))
		abort();
	return field_kib(text, "\nVmData:") * KIB;
}

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
resident_falls_to(size_t bytes, unsigned timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	long deadline_ms = now_ms() + (long)timeout_ms;

	while (resident_bytes() > bytes) {
		if (now_ms() > deadline_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

long
minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* --- sizes and chance ------------------------------------------------------ */

#define EVERY_SIZE_TO 1024

size_t
size_at(size_t k, size_t max)
{
	size_t step, power, n;

	if (k <= EVERY_SIZE_TO)
		return k <= max ? k : SIZE_MAX;
	k -= EVERY_SIZE_TO + 1;
	/* Around each of the 16 steps of a doubling: one below, on, one above. */
	power = (size_t)EVERY_SIZE_TO << (k / 48);
	step = k % 48;
	n = power + power / 16 * (step / 3 + 1) - 1 + step % 3;
	return n <= max ? n : SIZE_MAX;
}

/* splitmix64 (public domain, Sebastiano Vigna). */
uint64_t
random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

size_t
random_below(struct random *r, size_t n)
{
	return (size_t)(random_next(r) % n);
}

size_t
random_size(struct random *r, size_t max)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(max | 1);
	size_t n = random_next(r) &
		   (((size_t)1 << random_below(r, bits + 1)) - 1);

	return n <= max ? n : max;
}
