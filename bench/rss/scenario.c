/*
 * scenario.c -- options, marks and stamped blocks.
 *
 * Above   burst.c, fragments.c, sawtooth.c, latency.c
 * Always  asks the allocator under test for nothing but stamp_alloc()'s blocks
 */
#include "scenario.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct option *
option_find(struct option *options, size_t noptions, const char *name)
{
	for (size_t i = 0; i < noptions; i++) {
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

void
options_parse(struct option *options, size_t noptions, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		struct option *option;
		char *end;

		option = option_find(options, noptions, argv[i]);
		if (!option)
			bench_die("an option that this scenario does not have");
		if (i + 1 == argc)
			bench_die("an option without its number");
		option->value = strtol(argv[i + 1], &end, 10);
		if (end == argv[i + 1] || *end || option->value < 0)
			bench_die("an option wants a number");
	}
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void
sleep_until(uint64_t then_ns)
{
	struct timespec then = {
		.tv_sec = (time_t)(then_ns / 1000000000),
		.tv_nsec = (long)(then_ns % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) ==
	       EINTR)
		continue;
}

void *
map_resident(size_t bytes)
{
	char *memory = bench_map(bytes);

	/* Written to, not just read: reading maps the one page of zeroes. */
	for (size_t at = 0; at < bytes; at += BENCH_PAGE)
		memory[at] = 0;
	bench_keep(memory);
	return memory;
}

/* The second number of statm, in pages. */
static uint64_t
resident_bytes(void)
{
	char text[128] = "";
	int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	const char *second = strchr(text, ' ');

	if (file >= 0)
		close(file);
	if (length <= 0 || !second)
		bench_die("/proc/self/statm cannot be read");
	return strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void __attribute__((format(printf, 2, 3)))
mark_append(struct mark *mark, const char *format, ...)
{
	size_t room = sizeof(mark->text) - mark->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(mark->text + mark->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		bench_die("a mark is too long");
	mark->length += (size_t)length;
}

struct mark
mark_begin(const char *name)
{
	struct mark mark = { 0 };

	mark_append(&mark, "{\"mark\":\"%s\"", name);
	mark_number(&mark, "t_ns", now_ns());
	mark_number(&mark, "rss_bytes", resident_bytes());
	return mark;
}

void
mark_number(struct mark *mark, const char *name, uint64_t number)
{
	mark_append(mark, ",\"%s\":%" PRIu64, name, number);
}

void
mark_end(struct mark *mark)
{
	mark_append(mark, "}\n");
	if (write(STDOUT_FILENO, mark->text, mark->length) !=
	    (ssize_t)mark->length)
		bench_die("standard output cannot be written to");
}

void
mark_plain(const char *name)
{
	struct mark mark = mark_begin(name);

	mark_end(&mark);
}

void
mark_start(void)
{
	struct mark mark = mark_begin("start");
	void *(*function)(size_t) = malloc;
	Dl_info info;

	if (!dladdr(*(void **)&function, &info))
		bench_die("the file that malloc is from cannot be found");
	mark_append(&mark, ",\"malloc\":\"%s\"", info.dli_fname);
	mark_end(&mark);
}

static uint64_t
per_second(uint64_t number, uint64_t ns)
{
	return (uint64_t)((double)number * 1e9 / (double)(ns ? ns : 1));
}

void
work_run(struct work *work, struct bench_team *team, unsigned int nthreads,
	 uint64_t iterations)
{
	uint64_t start = now_ns(), start_cpu = cpu_ns();

	bench_team_run(team, nthreads * iterations);
	work->wall_ns += now_ns() - start;
	work->cpu_ns += cpu_ns() - start_cpu;
}

void
mark_work(struct mark *mark, const struct work *work)
{
	mark_number(mark, "ops", work->nops);
	mark_number(mark, "work_ns", work->wall_ns);
	mark_number(mark, "work_cpu_ns", work->cpu_ns);
	mark_number(mark, "ops_per_s", per_second(work->nops, work->wall_ns));
	mark_number(mark, "ops_per_cpu_s",
		    per_second(work->nops, work->cpu_ns));
}

void
await_leave(void)
{
	char byte;
	ssize_t got;

	mark_plain("end");
	do {
		got = read(STDIN_FILENO, &byte, 1);
	} while (got > 0 || (got < 0 && errno == EINTR));
}

void
stamp_write(void *block, uint32_t size)
{
	char *bytes = block;

	if (!block)
		bench_die("malloc failed");
	*(uint32_t *)block = size;
	for (uint32_t at = BENCH_PAGE; at < size; at += BENCH_PAGE)
		bytes[at] = (char)size;
	bytes[size - 1] = (char)size;
	bench_keep(block);
}

void *
stamp_alloc(uint32_t size)
{
	void *block = malloc(size);

	stamp_write(block, size);
	return block;
}

uint32_t
stamp_check(const void *block)
{
	const char *bytes = block;
	uint32_t size = *(const uint32_t *)block;

	for (uint32_t at = BENCH_PAGE; at < size; at += BENCH_PAGE) {
		if (bytes[at] != (char)size)
			bench_die("a block has lost its contents");
	}
	if (bytes[size - 1] != (char)size)
		bench_die("a block has lost its contents");
	return size;
}

void
stamp_free(void *block)
{
	stamp_check(block);
	free(block);
}
