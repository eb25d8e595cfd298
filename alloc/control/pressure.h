/*
 * pressure.h -- is the memory limit near?
 *
 * Above   control/reclaim
 * Lock    none: pure functions on a record that its owner serializes
 * Always  a pressure that is on was begun at begun_ns, and the last one that
 *         is over stays readable
 *
 * Pressure begins where the usage of a memory cgroup reaches its threshold
 * (os.h, os_memory), or where tasks waited for memory for a tenth of the time
 * since the last look (PSI). It is over when the usage is a thirty-second of
 * the threshold below it and nobody waits: without the gap, a load at the
 * threshold would switch it on and off at each look.
 */
#ifndef TRI_CONTROL_PRESSURE_H
#define TRI_CONTROL_PRESSURE_H

#include "../os/memory.h"

enum pressure_level {
	PRESSURE_NONE,
	PRESSURE_HIGH,     /* decay is zero */
	PRESSURE_CRITICAL, /* halfway from the threshold to the limit */
};

struct pressure {
	enum pressure_level level;
	bool is_stall;                /* of PSI, not of usage */
	uint64_t looked_ns, stall_us; /* of the last look */
	uint64_t nevents;             /* times it began */
	uint64_t begun_ns, ended_ns;  /* of the last one */
	uint64_t total_ns;            /* of those that are over */
	size_t usage, limit;          /* bytes, when the last one began */
	uint64_t given, given_last;   /* bytes given back under pressure */
	uint64_t nstalls;             /* begun by PSI, not by usage */
};

/*
 * A look. m is NULL where there is no limit; stall_us as from
 * os_memory_stall_us(). Returns the level from now on.
 */
enum pressure_level pressure_look(struct pressure *p, const struct os_memory *m,
				  uint64_t stall_us, uint64_t now_ns);

/* Bytes were given back while it was on. */
void pressure_gave(struct pressure *p, size_t bytes);

/*
 * How many pages may become resident before the next look: half of what is
 * left up to the threshold. BELL_NO_BUDGET where there is no limit.
 */
int64_t pressure_budget(const struct pressure *p, const struct os_memory *m);

#endif
