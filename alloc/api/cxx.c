/*
 * cxx.c -- C++'s operator new and delete, in C and without libstdc++.
 *
 * Called by whatever C++ code the process holds; exported by the interposing
 * library only. What a failing operator new must do (call the new_handler,
 * then throw std::bad_alloc) is left to the C++ library of the process, found
 * by dlsym when it is needed: a process without one never calls these.
 *
 * The exception passes through our frames, which is why this file is compiled
 * with unwind tables (the default on every ABI we know) and holds nothing
 * across those calls.
 */
#include <string.h>

#include "../os/libc.h"
#include "api.h"

#if !TRI_JNI

#define CALLER __builtin_return_address(0)

/* std::nothrow_t is an empty class, passed by reference. */
typedef void handler_fn(void);
typedef handler_fn *get_handler_fn(void);
typedef void *nothrow_fn(size_t, const void *);
typedef void *nothrow_aligned_fn(size_t, size_t, const void *);

void *operator_new(size_t n) __asm__("_Znwm");
void *operator_new_array(size_t n) __asm__("_Znam");
void *operator_new_aligned(size_t n, size_t a) __asm__("_ZnwmSt11align_val_t");
void *operator_new_array_aligned(size_t n,
				 size_t a) __asm__("_ZnamSt11align_val_t");

void *operator_new_nothrow(size_t n,
			   const void *t) __asm__("_ZnwmRKSt9nothrow_t");
void *operator_new_array_nothrow(size_t n,
				 const void *t) __asm__("_ZnamRKSt9nothrow_t");
void *operator_new_aligned_nothrow(size_t n, size_t a, const void *t) __asm__(
	"_ZnwmSt11align_val_tRKSt9nothrow_t");
void *operator_new_array_aligned_nothrow(
	size_t n, size_t a,
	const void *t) __asm__("_ZnamSt11align_val_tRKSt9nothrow_t");

void operator_delete(void *p) __asm__("_ZdlPv");
void operator_delete_array(void *p) __asm__("_ZdaPv");
void operator_delete_sized(void *p, size_t n) __asm__("_ZdlPvm");
void operator_delete_array_sized(void *p, size_t n) __asm__("_ZdaPvm");
void operator_delete_nothrow(void *p,
			     const void *t) __asm__("_ZdlPvRKSt9nothrow_t");
void operator_delete_array_nothrow(void *p, const void *t) __asm__(
	"_ZdaPvRKSt9nothrow_t");
void operator_delete_aligned(void *p,
			     size_t a) __asm__("_ZdlPvSt11align_val_t");
void operator_delete_array_aligned(void *p,
				   size_t a) __asm__("_ZdaPvSt11align_val_t");
void operator_delete_sized_aligned(void *p, size_t n,
				   size_t a) __asm__("_ZdlPvmSt11align_val_t");
void operator_delete_array_sized_aligned(void *p, size_t n, size_t a) __asm__(
	"_ZdaPvmSt11align_val_t");
void operator_delete_aligned_nothrow(void *p, size_t a, const void *t) __asm__(
	"_ZdlPvSt11align_val_tRKSt9nothrow_t");
void operator_delete_array_aligned_nothrow(
	void *p, size_t a,
	const void *t) __asm__("_ZdaPvSt11align_val_tRKSt9nothrow_t");

/* --- new -------------------------------------------------------------------- */

/*
 * The C++ library that the program itself was linked with, where no other one
 * can be looked for (os/libc.h), as there is no memory to load libdl.
 */
handler_fn linked_throw_bad_alloc __asm__("_ZSt17__throw_bad_allocv");
get_handler_fn linked_new_handler __asm__("_ZSt15get_new_handlerv");
#pragma weak linked_throw_bad_alloc
#pragma weak linked_new_handler

static void *
find_linked(const char *name)
{
	if (strcmp(name, "_ZSt17__throw_bad_allocv") == 0)
		return (void *)(uintptr_t)linked_throw_bad_alloc;
	if (strcmp(name, "_ZSt15get_new_handlerv") == 0)
		return (void *)(uintptr_t)linked_new_handler;
	return NULL;
}

/*
 * A function of the caller's C++ library. A library that was loaded by dlopen
 * (as a JVM loads native code) sees its own dependencies before the global
 * scope: so we look from where the caller stands.
 */
static void *
find_for(const void *caller, const char *name)
{
	void *found = NULL, *handle;
	struct libc_loader dl;
	Dl_info info;

	if (!libc_loader(&dl))
		return find_linked(name);
	if (dl.addr(caller, &info) != 0 && info.dli_fname != NULL) {
		handle = dl.open(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		if (handle != NULL) {
			found = dl.sym(handle, name);
			dl.close(handle);
		}
	}
	return found != NULL ? found : dl.sym(RTLD_DEFAULT, name);
}

/* The same, where the name is ours too and the library's own is wanted. */
static void *
find_other(const void *caller, const char *name, const void *own)
{
	void *found = find_for(caller, name);
	struct libc_loader dl;

	if (found != own || !libc_loader(&dl))
		return found;
	return dl.sym(RTLD_NEXT, name);
}

/* The program's new_handler, or NULL. */
static handler_fn *
new_handler(const void *caller)
{
	get_handler_fn *get = (get_handler_fn *)find_for(
		caller, "_ZSt15get_new_handlerv");

	return get == NULL ? NULL : get();
}

/* Throws std::bad_alloc by libstdc++ or libc++; a process without dies. */
static _Noreturn void
throw_bad_alloc(const void *caller)
{
	handler_fn *thrower = (handler_fn *)find_for(
		caller, "_ZSt17__throw_bad_allocv");

	if (thrower == NULL)
		thrower = (handler_fn *)find_for(
			caller, "_ZNSt3__117__throw_bad_allocEv");
	if (thrower != NULL)
		thrower();
	die("operator new: out of memory, and there is no C++ library to "
	    "throw std::bad_alloc");
}

static void *
try_new(size_t n, size_t alignment)
{
	return alignment <= QUANTUM_BYTES ? tri_malloc(n)
					  : tri_memalign(alignment, n);
}

/* [new.delete.single]: as long as there is a handler, call it and try again. */
static NOINLINE void *
new_or_throw(size_t n, size_t alignment, const void *caller)
{
	void *p;

	while ((p = try_new(n, alignment)) == NULL) {
		handler_fn *handler = new_handler(caller);

		if (handler == NULL)
			throw_bad_alloc(caller);
		handler();
	}
	return p;
}

EXPORT void *
operator_new(size_t n)
{
	void *p = tri_malloc(n);

	return p != NULL ? p : new_or_throw(n, 1, CALLER);
}

EXPORT void *
operator_new_array(size_t n)
{
	void *p = tri_malloc(n);

	return p != NULL ? p : new_or_throw(n, 1, CALLER);
}

EXPORT void *
operator_new_aligned(size_t n, size_t a)
{
	return new_or_throw(n, a, CALLER);
}

EXPORT void *
operator_new_array_aligned(size_t n, size_t a)
{
	return new_or_throw(n, a, CALLER);
}

/*
 * The nothrow forms return NULL even where the handler throws. Only C++ can
 * catch that, so when memory is short the C++ library's own form is asked: it
 * calls our throwing operator new within a try block.
 */
static void *
library_nothrow(size_t n, const void *t, const void *caller)
{
	nothrow_fn *f = (nothrow_fn *)find_other(
		caller, "_ZnwmRKSt9nothrow_t",
		(void *)(uintptr_t)operator_new_nothrow);

	return f == NULL ? NULL : f(n, t);
}

static void *
library_nothrow_aligned(size_t n, size_t a, const void *t, const void *caller)
{
	nothrow_aligned_fn *f = (nothrow_aligned_fn *)find_other(
		caller, "_ZnwmSt11align_val_tRKSt9nothrow_t",
		(void *)(uintptr_t)operator_new_aligned_nothrow);

	return f == NULL ? NULL : f(n, a, t);
}

static void *
new_nothrow(size_t n, const void *t, const void *caller)
{
	void *p = tri_malloc(n);

	if (p != NULL || new_handler(caller) == NULL)
		return p;
	return library_nothrow(n, t, caller);
}

static void *
new_aligned_nothrow(size_t n, size_t a, const void *t, const void *caller)
{
	void *p = try_new(n, a);

	if (p != NULL || new_handler(caller) == NULL)
		return p;
	return library_nothrow_aligned(n, a, t, caller);
}

EXPORT void *
operator_new_nothrow(size_t n, const void *t)
{
	return new_nothrow(n, t, CALLER);
}

EXPORT void *
operator_new_array_nothrow(size_t n, const void *t)
{
	return new_nothrow(n, t, CALLER);
}

EXPORT void *
operator_new_aligned_nothrow(size_t n, size_t a, const void *t)
{
	return new_aligned_nothrow(n, a, t, CALLER);
}

EXPORT void *
operator_new_array_aligned_nothrow(size_t n, size_t a, const void *t)
{
	return new_aligned_nothrow(n, a, t, CALLER);
}

/* --- delete ------------------------------------------------------------------ */

EXPORT void
operator_delete(void *p)
{
	tri_free(p);
}

EXPORT void
operator_delete_array(void *p)
{
	tri_free(p);
}

EXPORT void
operator_delete_sized(void *p, size_t n)
{
	free_sized_for("operator delete", p, n);
}

EXPORT void
operator_delete_array_sized(void *p, size_t n)
{
	free_sized_for("operator delete[]", p, n);
}

EXPORT void
operator_delete_nothrow(void *p, const void *t UNUSED)
{
	tri_free(p);
}

EXPORT void
operator_delete_array_nothrow(void *p, const void *t UNUSED)
{
	tri_free(p);
}

EXPORT void
operator_delete_aligned(void *p, size_t a UNUSED)
{
	tri_free(p);
}

EXPORT void
operator_delete_array_aligned(void *p, size_t a UNUSED)
{
	tri_free(p);
}

EXPORT void
operator_delete_sized_aligned(void *p, size_t n, size_t a)
{
	free_aligned_sized_for("operator delete", p, a, n);
}

EXPORT void
operator_delete_array_sized_aligned(void *p, size_t n, size_t a)
{
	free_aligned_sized_for("operator delete[]", p, a, n);
}

EXPORT void
operator_delete_aligned_nothrow(void *p, size_t a UNUSED, const void *t UNUSED)
{
	tri_free(p);
}

EXPORT void
operator_delete_array_aligned_nothrow(void *p, size_t a UNUSED,
				      const void *t UNUSED)
{
	tri_free(p);
}

#endif
