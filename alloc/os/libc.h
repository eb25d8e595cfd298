/*
 * libc.h -- what glibc before 2.34 keeps outside of libc.so.6.
 *
 * Since 2.34 threads and dlsym are part of libc.so.6; before, they were in
 * libpthread.so.0 and libdl.so.2. The libraries need neither of the two, so
 * that a process has no more libraries than it asked for, and run from glibc
 * 2.17 on: they ask for each function by its first version, which has been
 * the same in every glibc since, and LD_PRELOAD's does so weakly. Where a
 * program of old came without such a library the address is NULL: it has no
 * threads yet, or loads nothing.
 *
 * Above   cache/thread.c, control/trim.c, api/thread.c, api/cxx.c
 * Lock    none
 * Always  nobody calls a function here that may be NULL; tests/rules/exports.py
 *         proves which versions are asked for
 */
#ifndef TRI_OS_LIBC_H
#define TRI_OS_LIBC_H

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>

#include "../base/base.h"

/* The first version of everything that was there when a machine came. */
#if defined(__GLIBC__) && defined(__x86_64__) && (TRI_INTERPOSE || TRI_JNI)
#define FIRST_VERSION(name)  __asm__(".symver " #name ", " #name "@GLIBC_2.2.5")
#define NAMING_VERSION(name) __asm__(".symver " #name ", " #name "@GLIBC_2.12")
#elif defined(__GLIBC__) && defined(__aarch64__) && (TRI_INTERPOSE || TRI_JNI)
#define FIRST_VERSION(name)  __asm__(".symver " #name ", " #name "@GLIBC_2.17")
#define NAMING_VERSION(name) FIRST_VERSION(name)
#else
#define FIRST_VERSION(name)  static_assert(1, "as the C library has it")
#define NAMING_VERSION(name) FIRST_VERSION(name)
#endif

FIRST_VERSION(dladdr);
FIRST_VERSION(dlclose);
FIRST_VERSION(dlopen);
FIRST_VERSION(dlsym);
FIRST_VERSION(pthread_attr_setstacksize);
FIRST_VERSION(pthread_key_create);
FIRST_VERSION(pthread_setspecific);
NAMING_VERSION(pthread_setname_np);

/* Programs that use the JNI library, or a part of the allocator, have threads. */
#if TRI_INTERPOSE
#pragma weak dladdr
#pragma weak dlclose
#pragma weak dlopen
#pragma weak dlsym
#pragma weak pthread_attr_setstacksize
#pragma weak pthread_key_create
#pragma weak pthread_setspecific
#pragma weak pthread_setname_np
#else
FIRST_VERSION(pthread_create);
#endif

/* False: the C library came without threads. */
bool libc_has_threads(void);

/* As pthread_attr_setstacksize and pthread_setname_np; nothing without them. */
void libc_set_stack(pthread_attr_t *attr, size_t bytes);
void libc_set_name(pthread_t thread, const char *name);

/*
 * The function of that name in the next library, the C library as a rule; NULL
 * where there is none. The interposing library's alone, not for places where
 * malloc may not be called.
 */
void *libc_next(const char *name);

typedef void *libc_sym_fn(void *, const char *);
typedef void *libc_open_fn(const char *, int);
typedef int libc_close_fn(void *);
typedef int libc_addr_fn(const void *, Dl_info *);

/* dlsym and its like, which take their caller for who asks. */
struct libc_loader {
	libc_sym_fn *sym;
	libc_open_fn *open;
	libc_close_fn *close;
	libc_addr_fn *addr;
};

/*
 * Loads libdl where the program has none; false where that fails. Not for
 * places where malloc may not be called. The interposing library's alone.
 */
bool libc_loader(struct libc_loader *out);

#endif
