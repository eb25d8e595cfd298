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
#include <dlfcn.h>

#include "api.h"

#if !TRI_JNI

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

/* The program's new_handler, or NULL. */
static handler_fn *
new_handler(void)
{
	get_handler_fn *get = (get_handler_fn *)dlsym(RTLD_DEFAULT,
						      "_ZSt15get_new_handlerv");

	return get == NULL ? NULL : get();
}

/* Throws std::bad_alloc by libstdc++ or libc++; a process without dies. */
static _Noreturn void
throw_bad_alloc(void)
{
	handler_fn *thrower = (handler_fn *)dlsym(RTLD_DEFAULT,
						  "_ZSt17__throw_bad_allocv");

	if (thrower == NULL)
		thrower = (handler_fn *)dlsym(RTLD_DEFAULT,
					      "_ZNSt3__117__throw_bad_allocEv");
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
new_or_throw(size_t n, size_t alignment)
{
	void *p;

	while ((p = try_new(n, alignment)) == NULL) {
		handler_fn *handler = new_handler();

		if (handler == NULL)
			throw_bad_alloc();
		handler();
	}
	return p;
}

EXPORT void *
operator_new(size_t n)
{
	void *p = tri_malloc(n);

	return p != NULL ? p : new_or_throw(n, 1);
}

EXPORT void *
operator_new_array(size_t n)
{
	return operator_new(n);
}

EXPORT void *
operator_new_aligned(size_t n, size_t a)
{
	return new_or_throw(n, a);
}

EXPORT void *
operator_new_array_aligned(size_t n, size_t a)
{
	return new_or_throw(n, a);
}

/*
 * The nothrow forms return NULL even where the handler throws. Only C++ can
 * catch that, so when memory is short the C++ library's own form is asked: it
 * calls our throwing operator new within a try block.
 */
static void *
library_nothrow(size_t n, const void *t)
{
	nothrow_fn *f = (nothrow_fn *)dlsym(RTLD_NEXT, "_ZnwmRKSt9nothrow_t");

	return f == NULL ? NULL : f(n, t);
}

static void *
library_nothrow_aligned(size_t n, size_t a, const void *t)
{
	nothrow_aligned_fn *f = (nothrow_aligned_fn *)dlsym(
		RTLD_NEXT, "_ZnwmSt11align_val_tRKSt9nothrow_t");

	return f == NULL ? NULL : f(n, a, t);
}

EXPORT void *
operator_new_nothrow(size_t n, const void *t)
{
	void *p = tri_malloc(n);

	if (p != NULL || new_handler() == NULL)
		return p;
	return library_nothrow(n, t);
}

EXPORT void *
operator_new_array_nothrow(size_t n, const void *t)
{
	return operator_new_nothrow(n, t);
}

EXPORT void *
operator_new_aligned_nothrow(size_t n, size_t a, const void *t)
{
	void *p = try_new(n, a);

	if (p != NULL || new_handler() == NULL)
		return p;
	return library_nothrow_aligned(n, a, t);
}

EXPORT void *
operator_new_array_aligned_nothrow(size_t n, size_t a, const void *t)
{
	return operator_new_aligned_nothrow(n, a, t);
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
