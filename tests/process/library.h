/*
 * library.h -- whether this process really runs on the library.
 *
 * Above   case.c, and the programs that tests start
 * Lock    none
 * Always  allocates nothing itself
 */
#ifndef TESTS_PROCESS_LIBRARY_H
#define TESTS_PROCESS_LIBRARY_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ends the process, with a sentence on standard error, unless malloc and free
 * are those of libtrimalloc. A test of the host's malloc would prove nothing.
 */
void must_run_on_library(void);
void must_not_run_on_library(void);

/* The function of that name, which must be the library's; else ends as above. */
void *library_function(const char *name);

/* True where the function at this address is that library's. */
bool is_in_library(const void *address);
bool is_in_jni_library(const void *address);

#ifdef __cplusplus
}
#endif

#endif
