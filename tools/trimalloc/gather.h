/*
 * gather.h -- asks many processes for their reports at once.
 *
 * Above   exporter.c, top
 * Always  one deadline for all together: a process that hangs costs the others
 *         nothing; any thread may gather
 */
#ifndef TOOL_GATHER_H
#define TOOL_GATHER_H

#include <jansson.h>

#include "target.h"

/* Processes at once; two descriptors each have to fit RLIMIT_NOFILE. */
#define GATHER_MAX 400

struct answer {
	struct target target;
	json_t *json; /* the report; NULL: target.problem says why there is none */
};

struct gathering {
	struct answer *answers; /* by pid */
	size_t n;
	size_t nleft_out; /* with the library, beyond GATHER_MAX */
};

/* Those of `pids`, or, where npids is 0, all in which the library is and that
 * may be looked into. */
void gather(struct gathering *g, const int *pids, size_t npids, double seconds);

void gathering_free(struct gathering *g);

#endif
