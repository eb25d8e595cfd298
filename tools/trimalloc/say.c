/*
 * say.c -- how the command talks to people: errors with what to do next,
 * colours on terminals, numbers with units.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

const char *
ink(FILE *out, enum ink which)
{
	static const char *const sequences[] = {
		[PLAIN] = "\033[0m",  [BOLD] = "\033[1m",
		[DIM] = "\033[2m",    [RED] = "\033[31m",
		[GREEN] = "\033[32m", [YELLOW] = "\033[33m",
	};
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	/* https://no-color.org: set and not empty. */
	if (no != NULL && no[0] != '\0')
		return "";
	if (term != NULL && strcmp(term, "dumb") == 0)
		return "";
	return isatty(fileno(out)) ? sequences[which] : "";
}

static void
say(enum ink colour, const char *kind, const char *format, va_list args)
{
	/* For %m. */
	int error = errno;

	fflush(stdout);
	fprintf(stderr, "%strimalloc%s%s:%s ", ink(stderr, colour),
		kind[0] == '\0' ? "" : ": ", kind, ink(stderr, PLAIN));
	errno = error;
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void
say_error(const char *next, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(RED, "", format, args);
	va_end(args);
	if (next != NULL)
		fprintf(stderr, "  %s\n", next);
}

void
say_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(YELLOW, "warning", format, args);
	va_end(args);
}

void
usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(RED, "", format, args);
	va_end(args);
	if (command == NULL)
		fputs("  trimalloc --help lists the commands\n", stderr);
	else
		fprintf(stderr, "  trimalloc %s --help tells how it is used\n",
			command->name);
	exit(command != NULL && strcmp(command->name, "run") == 0 ? RUN_FAILED
								  : USAGE);
}

int
flush_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	say_error("is the disk full, or the reader gone?",
		  "what is to be printed cannot be written: %m");
	return code == DONE ? FAILED : code;
}

void *
must(void *block)
{
	if (block == NULL) {
		say_error("end something else, and try again",
			  "there is no memory left");
		exit(FAILED);
	}
	return block;
}

char *
format_string(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return must(n < 0 ? NULL : text);
}

int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *
human_bytes(double bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B",   "KiB", "MiB",
					     "GiB", "TiB", "PiB" };
	size_t i = 0;
	double n = bytes < 0 ? -bytes : bytes;

	/* 1,023.95 would be printed as 1024.0. */
	for (; n >= 1023.95 && i + 1 < sizeof units / sizeof units[0]; i++)
		n /= 1024;
	snprintf(buf, size, "%s%.*f %s", bytes < 0 ? "-" : "", i > 0, n,
		 units[i]);
	return buf;
}
