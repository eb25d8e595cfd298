/*
 * life_misuse.h -- children that misuse their blocks while calls fail.
 *
 * Above   tests/fault/life.c
 * Lock    none
 * Always  nothing is done in a life without guarded blocks
 */
#ifndef TESTS_FAULT_LIFE_MISUSE_H
#define TESTS_FAULT_LIFE_MISUSE_H

#include <stdbool.h>

/*
 * A fault is told, and goes to whom it is for. may_fail: or nobody sees it, or
 * the kernel does not let the library have it its way.
 */
void live_with_misuses(bool may_fail);

#endif
