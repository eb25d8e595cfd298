/*
 * pressure.c -- see pressure.h.
 */
#include "pressure.h"
#include "../pages/bell.h"

/* Looks that follow each other faster say nothing about waiting. */
#define STALL_LOOK_NS UINT64_C(20000000)

/* 1 MiB: below that a wake-up costs more than it can give. */
#define BUDGET_MIN 256

static enum pressure_level
level_of_usage(const struct pressure *p, const struct os_memory *m)
{
	size_t gap;

	if (m == NULL)
		return PRESSURE_NONE;
	gap = p->level == PRESSURE_NONE ? 0 : m->threshold / 32;
	if (m->usage + gap < m->threshold)
		return PRESSURE_NONE;
	if (m->limit != SIZE_MAX && m->limit > m->threshold &&
	    m->usage >= m->threshold + (m->limit - m->threshold) / 2)
		return PRESSURE_CRITICAL;
	return PRESSURE_HIGH;
}

/*
 * Tasks waited for memory for a tenth of the time since the last look. A look
 * that is too short to tell leaves it as it was.
 */
static bool
has_stalled(const struct pressure *p, uint64_t stall_us, uint64_t now_ns)
{
	uint64_t elapsed_ns = ns_since(p->looked_ns, now_ns);

	if (p->looked_ns == 0 || stall_us < p->stall_us)
		return false;
	if (elapsed_ns < STALL_LOOK_NS)
		return p->is_stall;
	return (stall_us - p->stall_us) * 1000 >= elapsed_ns / 10;
}

static void
begin(struct pressure *p, const struct os_memory *m, uint64_t now_ns)
{
	p->nevents++;
	p->begun_ns = now_ns;
	p->given_last = 0;
	p->usage = m != NULL ? m->usage : 0;
	p->limit = m != NULL ? m->limit : 0;
}

static void
end(struct pressure *p, uint64_t now_ns)
{
	p->ended_ns = now_ns;
	p->total_ns += ns_since(p->begun_ns, now_ns);
}

enum pressure_level
pressure_look(struct pressure *p, const struct os_memory *m, uint64_t stall_us,
	      uint64_t now_ns)
{
	enum pressure_level level = level_of_usage(p, m);

	/* The clock went back: this look is the first one by it. */
	if (now_ns < p->looked_ns)
		p->looked_ns = 0;
	/* Without a limit the machine's stalls are none of our making. */
	p->is_stall = m != NULL && level == PRESSURE_NONE &&
		      has_stalled(p, stall_us, now_ns);
	if (p->is_stall) {
		level = PRESSURE_HIGH;
		p->nstalls += p->level == PRESSURE_NONE;
	}
	if (level != PRESSURE_NONE && p->level == PRESSURE_NONE)
		begin(p, m, now_ns);
	if (level == PRESSURE_NONE && p->level != PRESSURE_NONE)
		end(p, now_ns);
	p->level = level;
	/* Short looks add up to one that is long enough. */
	if (now_ns - p->looked_ns >= STALL_LOOK_NS || p->looked_ns == 0) {
		p->looked_ns = now_ns;
		p->stall_us = stall_us;
	}
	return level;
}

void
pressure_gave(struct pressure *p, size_t bytes)
{
	p->given += bytes;
	p->given_last += bytes;
}

int64_t
pressure_budget(const struct pressure *p, const struct os_memory *m)
{
	size_t left;

	if (m == NULL)
		return BELL_NO_BUDGET;
	left = m->threshold > m->usage ? m->threshold - m->usage : 0;
	if (p->level != PRESSURE_NONE && m->limit != SIZE_MAX)
		left = m->limit > m->usage ? m->limit - m->usage : 0;
	return (int64_t)max_size(left / 2 >> PAGE_SHIFT, BUDGET_MIN);
}
