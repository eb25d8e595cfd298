/*
 * modules.h -- whose code is at an address: of which file, and where in it.
 *
 * Above   control/guard_report.c
 * Lock    none: who reports is alone (guard_report.c)
 * Always  what it says was so when modules_read() read /proc/self/maps
 */
#ifndef TRI_CONTROL_MODULES_H
#define TRI_CONTROL_MODULES_H

#include "../base/base.h"

/* One mapping of code. */
struct module {
	uintptr_t start, end;
	uintptr_t bias;   /* what addr2line wants to have subtracted */
	const char *name; /* a path; "" where there is none: generated code */
	bool is_readable;
};

/* Reads them anew; false where /proc is not to be had. 100 us. */
bool modules_read(void);

const struct module *module_find(uintptr_t addr);

/* True where the instruction in front of addr, in m, calls somebody. */
bool module_calls_before(const struct module *m, uintptr_t addr);

#endif
