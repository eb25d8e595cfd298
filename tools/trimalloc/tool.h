/*
 * tool.h -- what the parts of the command share: its table of subcommands, its
 * exit codes, and how it talks to people.
 *
 * Nothing here includes anything of the allocator: the command speaks with it
 * through /proc, signals and the control socket, as any other program would.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define UNUSED                __attribute__((unused))
#define PRINTS(string, first) __attribute__((format(printf, string, first)))

/* Exit codes; trimalloc(1) tells them. */
enum {
	DONE = 0,
	FAILED = 1,     /* asked and refused, or an error of input or output */
	USAGE = 2,      /* the command line makes no sense */
	NO_PROCESS = 3, /* there is none of that number, or it has ended */
	NO_LIBRARY = 4, /* trimalloc is not in that process */
	NO_SOCKET = 5,  /* it is, but no socket answers for it */
	NO_ACCESS = 6,  /* it is somebody else's */
	NO_ANSWER = 7,  /* it did not answer in time */
	LEFT_OUT = 8,   /* this build lacks the library for it */
	RUN_FAILED = 125, /* as env(1) and timeout(1) */
	RUN_NOT_EXECUTABLE = 126,
	RUN_NOT_FOUND = 127,
};

struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *help; /* the options, one per line */
	int (*run)(int argc, char **argv);
};

/* The row that is being run. */
extern const struct command *command;

/*
 * Reads the next option of a command by getopt_long; -h and --help print the
 * help and exit with 0, a wrong option exits with USAGE. -1: no more.
 */
struct option;
int command_option(int argc, char **argv, const char *letters,
		   const struct option *names);
void command_help(FILE *out);

/* What is wrong with the command line; says where to read on. Exits. */
_Noreturn void usage_error(const char *format, ...) PRINTS(1, 2);

/* Words of the command line as numbers; usage errors else. */
int parse_pid(const char *word);
double parse_seconds(const char *word, const char *what);
/* The one argument that is left, or a usage error. */
const char *only_argument(int argc, char **argv, const char *what);

/* `sentence` on stderr, and, unless NULL, what to do next. */
void say_error(const char *next, const char *format, ...) PRINTS(2, 3);
void say_warning(const char *format, ...) PRINTS(1, 2);

/* A colour's escape sequence, or "" where none is wanted. */
enum ink { PLAIN, BOLD, DIM, RED, GREEN, YELLOW };
const char *ink(FILE *out, enum ink ink);

/* Ends with FAILED unless all that was written to stdout arrived. */
int flush_output(int code);

/* The host's malloc, or the end of the program. */
void *must(void *block);
char *format_string(const char *format, ...) PRINTS(1, 2);

/* Monotonic; for deadlines. */
int64_t now_ms(void);

/* "12.3 MiB", at most 9 columns. Returns `buf`. */
const char *human_bytes(double bytes, char *buf, size_t size);

/* The subcommands, one per file. */
int run_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int top_main(int argc, char **argv);
int trim_main(int argc, char **argv);
int ctl_main(int argc, char **argv);
int dump_main(int argc, char **argv);
int options_main(int argc, char **argv);
int exporter_main(int argc, char **argv);
int version_main(int argc, char **argv);

#endif
