/*
 * thread.h -- how this library makes a thread of its own.
 *
 * Above   api/slow.c, api/thread.c
 * Lock    none
 * Always  the interposing library's pthread_create is not called by itself
 */
#ifndef TRI_API_THREAD_H
#define TRI_API_THREAD_H

#include "../control/trim.h"
#include "../os/libc.h"
#include "api.h"

#if TRI_JNI
ALWAYS_INLINE trim_create_fn *
next_create(void)
{
	return pthread_create;
}
#else
/* The C library's pthread_create; NULL where there is none. */
trim_create_fn *next_create(void);
#endif

#endif
