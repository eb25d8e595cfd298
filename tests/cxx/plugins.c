/*
 * plugins.c -- a C program, without the C++ library, that loads C++ code as a
 * JVM loads native libraries: by dlopen, its symbols for nobody else to see.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "process/case.h"
#include "process/library.h"
#include "process/memory.h"
#include "process/spawn.h"

typedef void *new_function(size_t);
typedef void delete_function(void *);

static void
operator_new_works_in_a_program_without_a_cxx_library(void)
{
	new_function *new_ = (new_function *)library_function("_Znwm");
	delete_function *delete_ = (delete_function *)library_function(
		"_ZdlPv");

	expect(dlsym(RTLD_DEFAULT, "__cxa_throw") == NULL);
	for_each_size(n, 4 * MIB)
	{
		void *p = new_(n);

		expect(p != NULL && is_aligned(p, ALIGNMENT));
		memset(p, 1, n);
		delete_(p);
	}
}

static void
nothrow_new_returns_null_in_a_program_without_a_cxx_library(void)
{
	void *(*new_)(size_t, const void *) = (void *(*)(size_t, const void *))
		library_function("_ZnwmRKSt9nothrow_t");

	expect(new_(hide_size(SIZE_MAX), "") == NULL);
}

/* There is nobody to throw to: it says so and aborts. */
static void
operator_new_without_memory_and_without_a_cxx_library_dies(void)
{
	new_function *new_ = (new_function *)library_function("_Znwm");

	new_(hide_size(SIZE_MAX));
}

/* The functions of plugin.cc. */
static void
use_plugin(const char *path)
{
	void *handle = dlopen(build_path(path), RTLD_NOW | RTLD_LOCAL);
	int (*lives)(void), (*catches)(void), (*handles)(void),
		(*returns_null)(void);

	expect_for(handle != NULL, "%s", dlerror());
	*(void **)(void *)&lives = dlsym(handle, "plugin_lives");
	*(void **)(void *)&catches = dlsym(handle, "plugin_catches_bad_alloc");
	*(void **)(void *)&handles = dlsym(handle,
					   "plugin_calls_its_new_handler");
	*(void **)(void *)&returns_null = dlsym(
		handle, "plugin_gets_null_from_nothrow");
	expect(lives != NULL && catches != NULL && handles != NULL &&
	       returns_null != NULL);
	expect(lives());
	expect(catches());
	expect(handles());
	expect(returns_null());
	expect(dlclose(handle) == 0);
}

static void
a_plugin_catches_bad_alloc_of_its_own_cxx_library(void)
{
	use_plugin("tests/cxx/.libs/libplugin.so");
}

/* As many JNI libraries are built: the C++ library inside. */
static void
a_plugin_with_the_cxx_library_inside_catches_bad_alloc(void)
{
	use_plugin("tests/cxx/plugin_static.so");
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(operator_new_works_in_a_program_without_a_cxx_library),
		CASE(nothrow_new_returns_null_in_a_program_without_a_cxx_library),
		CASE(operator_new_without_memory_and_without_a_cxx_library_dies,
		     .signal = 6,
		     .says = { "^trimalloc: operator new: out of memory" }),
		CASE(a_plugin_catches_bad_alloc_of_its_own_cxx_library),
		CASE(a_plugin_with_the_cxx_library_inside_catches_bad_alloc),
	};

	return RUN_CASES(argc, argv, cases);
}
