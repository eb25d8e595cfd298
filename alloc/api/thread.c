/*
 * thread.c -- pthread_create, so that the trim thread is born with the
 * program's first thread and in the same place: a moment when the program
 * holds no lock of the dynamic linker, which a thread made from within malloc
 * could not know.
 *
 * Exported by the interposing library only.
 */
#include <dlfcn.h>
#include <errno.h>

#include "../control/trim.h"
#include "api.h"

#if !TRI_JNI

/* dlsym's result; found once, the same for all. */
static trim_create_fn *
next_create(void)
{
	static _Atomic(trim_create_fn *) found;
	/* Relaxed: a code address needs no other memory. */
	trim_create_fn *f = atomic_load_explicit(&found, memory_order_relaxed);

	if (f == NULL) {
		f = (trim_create_fn *)dlsym(RTLD_NEXT, "pthread_create");
		atomic_store_explicit(&found, f, memory_order_relaxed);
	}
	return f;
}

EXPORT int
pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
	       void *(*start)(void *), void *restrict arg)
{
	trim_create_fn *create = next_create();
	int before = errno;

	if (create == NULL)
		return EAGAIN;
	boot();
	trim_start(create);
	errno = before;
	return create(thread, attr, start, arg);
}

#endif
