/*
 * scenario.h -- what the programs share whose resident memory is watched.
 *
 * A scenario is a program that brings its allocator into a state and says on
 * standard output, by one line of JSON each, when it is there: a mark. Whoever
 * started it reads its memory at the marks, and some time after them, from
 * outside. The first mark is "start" (all threads run, nothing is allocated),
 * the last one "end": then the program waits until its standard input ends.
 *
 * Above   all scenarios
 * Always  memory of the scenario's own is mapped and written to before "start",
 *         so that what is resident beyond that mark is the allocator's
 */
#ifndef BENCH_RSS_SCENARIO_H
#define BENCH_RSS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bench.h"

/* An option `--name number` of a scenario, and what it is without it. */
struct option {
	const char *name;
	long value;
};

/* Ends the process with a sentence if it does not understand an argument. */
void options_parse(struct option *options, size_t noptions, int argc,
		   char **argv);

/* CLOCK_MONOTONIC, and CLOCK_PROCESS_CPUTIME_ID: all threads of the process. */
uint64_t now_ns(void);
uint64_t cpu_ns(void);

/* As bench_map(), every page resident already. */
void *map_resident(size_t bytes);

/*
 * A line is put together and then written at once. Without stdio, for the
 * allocator under test shall be asked by the scenario alone.
 */
struct mark {
	size_t length;
	char text[1024];
};

/* A mark's time and the process's resident bytes are those of mark_begin(). */
struct mark mark_begin(const char *name);
void mark_number(struct mark *mark, const char *name, uint64_t number);
void mark_end(struct mark *mark);

/* Marks without figures of their own; "start" says which file malloc is from. */
void mark_plain(const char *name);
void mark_start(void);

/* Operations, their wall time and their CPU time, and the two rates. */
struct work {
	uint64_t nops, wall_ns, cpu_ns;
};

/* Lets each thread of the team work once, with these iterations for each, and
 * adds the time this took. */
void work_run(struct work *work, struct bench_team *team, unsigned int nthreads,
	      uint64_t iterations);
void mark_work(struct mark *mark, const struct work *work);

/* The mark "end"; returns when nobody wants to look at the process any more. */
void await_leave(void);

/* Sleeps until a time of now_ns(): one wake-up. */
void sleep_until(uint64_t then_ns);

/*
 * A block is stamped with its size at both ends and in each further page, so
 * that all of its pages are resident; stamp_check() ends the process if a stamp
 * is gone. Blocks have at least 16 bytes.
 */
void stamp_write(void *block, uint32_t size);
void *stamp_alloc(uint32_t size);
uint32_t stamp_check(const void *block);
void stamp_free(void *block);

#endif /* BENCH_RSS_SCENARIO_H */
