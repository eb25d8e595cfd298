/*
 * books.h -- what sequences.c asks of the allocator beyond its blocks.
 *
 * Above   sequences.c
 *
 * books_floors.c looks into the floors, and has the kernel refuse calls;
 * books_names.c has the names of the interface alone.
 */
#ifndef TESTS_FUZZ_BOOKS_H
#define TESTS_FUZZ_BOOKS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes in the program's hands; the sums of all figures are right. */
size_t books_allocated(void);

/* The kernel's call of a kind (modulo how many there are), `nth` from now on,
 * fails, and, `for_good`, all later ones. False: there are no faults here. */
bool books_fault(unsigned kind, unsigned nth, bool for_good);
void books_end_faults(void);

#endif
