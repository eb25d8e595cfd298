/*
 * stages.h -- one moment of a process's life: allocate, and say so.
 *
 * Above   stages.c, stages_lib.c
 * Lock    none; one thread
 * Always  uses nothing of the C library that might not be ready, or be gone
 */
#ifndef TESTS_PROCESS_STAGES_H
#define TESTS_PROCESS_STAGES_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAGE_BLOCKS 5

/* What one moment leaves to a later one. */
struct stage {
	unsigned char *blocks[STAGE_BLOCKS];
	unsigned char mark;
};

static inline size_t
stage_size(int i)
{
	static const size_t sizes[STAGE_BLOCKS] = { 24, 1000, 20000, 300000,
						    3 << 20 };

	return sizes[i];
}

static inline void
stage_say(const char *line)
{
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		_exit(95);
}

static inline void
stage_expect(int fact)
{
	if (!fact)
		_exit(96);
}

static inline void
stage_alloc(struct stage *s, unsigned char mark)
{
	s->mark = mark;
	for (int i = 0; i < STAGE_BLOCKS; i++) {
		void *gone = malloc(stage_size(i));

		s->blocks[i] = calloc(1, stage_size(i) / 2);
		stage_expect(gone != NULL && s->blocks[i] != NULL);
		free(gone);
		s->blocks[i] = realloc(s->blocks[i], stage_size(i));
		stage_expect(s->blocks[i] != NULL &&
			     s->blocks[i][stage_size(i) / 2 - 1] == 0);
		memset(s->blocks[i], mark, stage_size(i));
	}
}

/* Whether all is there that an earlier moment wrote; frees it. */
static inline void
stage_check_and_free(struct stage *s)
{
	for (int i = 0; i < STAGE_BLOCKS; i++) {
		stage_expect(s->blocks[i] != NULL);
		for (size_t k = 0; k < stage_size(i); k++)
			stage_expect(s->blocks[i][k] == s->mark);
		free(s->blocks[i]);
	}
}

/* One whole moment. */
static inline void
stage_pass(const char *line)
{
	struct stage s;

	stage_alloc(&s, (unsigned char)line[0]);
	stage_check_and_free(&s);
	stage_say(line);
}

#endif
