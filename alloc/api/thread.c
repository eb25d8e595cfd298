/*
 * thread.c -- pthread_create, for two reasons. The trim thread is born with
 * the program's first thread and in the same place: a moment when the program
 * holds no lock of the C library's, which a thread made from within free could
 * not know. (Only a process of one thread makes it there, slow.c: no other
 * thread can hold such a lock then, and those that pthread_create takes its
 * own thread holds in the middle of another pthread_create alone.) And every
 * thread enters before it does anything else, so that its end is noticed
 * (cache/thread.h).
 *
 * Exported by the interposing library only.
 */
#include <errno.h>
#include <threads.h>

#include "../cache/thread.h"
#include "../os/libc.h"
#include "../pages/meta.h"
#include "thread.h"

#if !TRI_JNI

typedef int thrd_create_fn(thrd_t *, thrd_start_t, void *);

/*
 * Before glibc 2.34: a program without threads loads a plugin that makes one,
 * and libpthread with it, for itself alone.
 */
static trim_create_fn *
create_of_late_library(const struct libc_loader *dl)
{
	void *library = dl->open("libpthread.so.0", RTLD_LAZY | RTLD_NOLOAD);
	thread_key_fn *make_key;
	thread_set_fn *set;

	/* The handle is kept: so is the library. */
	if (library == NULL)
		return NULL;
	make_key = (thread_key_fn *)dl->sym(library, "pthread_key_create");
	set = (thread_set_fn *)dl->sym(library, "pthread_setspecific");
	if (make_key == NULL || set == NULL || !thread_learn(make_key, set))
		return NULL;
	return (trim_create_fn *)dl->sym(library, "pthread_create");
}

/* dlsym's result; found once, the same for all. */
trim_create_fn *
next_create(void)
{
	static _Atomic(trim_create_fn *) found;
	struct libc_loader dl;
	/* Relaxed: a code address needs no other memory. */
	trim_create_fn *f = atomic_load_explicit(&found, memory_order_relaxed);

	if (f == NULL && libc_loader(&dl)) {
		f = (trim_create_fn *)dl.sym(RTLD_NEXT, "pthread_create");
		if (f == NULL)
			f = create_of_late_library(&dl);
		atomic_store_explicit(&found, f, memory_order_relaxed);
	}
	return f;
}

/* What the new thread is to do, handed over in a record of ours. */
struct start {
	void *(*function)(void *);
	void *arg;
};

static void *
thread_main(void *record)
{
	struct start start = *(struct start *)record;

	meta_free(record, sizeof(struct start));
	thread_enter();
	return start.function(start.arg);
}

EXPORT int
pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
	       void *(*start)(void *), void *restrict arg)
{
	trim_create_fn *create = next_create();
	struct start *record;
	int before = errno, error;

	if (create == NULL)
		return EAGAIN;
	boot();
	record = meta_alloc(sizeof *record);
	if (record == NULL)
		return EAGAIN;
	*record = (struct start){ start, arg };
	trim_start(create);
	errno = before;
	error = create(thread, attr, thread_main, record);
	if (error != 0)
		meta_free(record, sizeof *record);
	return error;
}

/* C11's threads do not pass through pthread_create. */
struct c11_start {
	thrd_start_t function;
	void *arg;
};

static int
c11_thread_main(void *record)
{
	struct c11_start start = *(struct c11_start *)record;

	meta_free(record, sizeof(struct c11_start));
	thread_enter();
	return start.function(start.arg);
}

EXPORT int
thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	thrd_create_fn *create = NULL;
	struct libc_loader dl;
	struct c11_start *record;
	int before = errno, result;

	if (libc_loader(&dl))
		create = (thrd_create_fn *)dl.sym(RTLD_NEXT, "thrd_create");
	if (create == NULL)
		return thrd_error;
	boot();
	record = meta_alloc(sizeof *record);
	if (record == NULL)
		return thrd_nomem;
	*record = (struct c11_start){ start, arg };
	if (next_create() != NULL)
		trim_start(next_create());
	errno = before;
	result = create(thread, c11_thread_main, record);
	if (result != thrd_success)
		meta_free(record, sizeof *record);
	return result;
}

#endif
