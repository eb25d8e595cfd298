/*
 * pages_double.h -- for a program that is linked with pages_double.c.
 *
 * Above   tests/os/larger_pages.c
 * Lock    none
 * Always  without it the size is that of TRI_PAGE_BYTES, else 4 KiB
 */
#ifndef TESTS_OS_PAGES_DOUBLE_H
#define TESTS_OS_PAGES_DOUBLE_H

#include <stddef.h>

/* Before the first question for it: how large the kernel's pages are. */
void pages_double_set(size_t bytes);

#endif
