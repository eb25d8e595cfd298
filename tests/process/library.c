/*
 * library.c -- see library.h.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"

#define EXIT_OTHER_MALLOC 97

/* Whether the object that the address lies in has a file name that begins so. */
static bool
is_in_file(const void *address, const char *name)
{
	Dl_info info;
	const char *base;

	if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
		return false;
	base = strrchr(info.dli_fname, '/');
	base = base != NULL ? base + 1 : info.dli_fname;
	return strncmp(base, name, strlen(name)) == 0;
}

bool
is_in_library(const void *address)
{
	return is_in_file(address, "libtrimalloc.so");
}

bool
is_in_jni_library(const void *address)
{
	return is_in_file(address, "libtrimalloc_jni.so");
}

static void
end(const char *sentence, const char *name)
{
	dprintf(STDERR_FILENO, "%s %s\n", name, sentence);
	_exit(EXIT_OTHER_MALLOC);
}

void *
library_function(const char *name)
{
	void *address = dlsym(RTLD_DEFAULT, name);

	if (address == NULL || !is_in_library(address))
		end("is not libtrimalloc's", name);
	return address;
}

void
must_run_on_library(void)
{
	void *(*volatile linked_malloc)(size_t) = malloc;
	void (*volatile linked_free)(void *) = free;

	library_function("tri_version");
	library_function("malloc");
	library_function("free");
	/* What this program itself calls, too. */
	if (!is_in_library((void *)(uintptr_t)linked_malloc) ||
	    !is_in_library((void *)(uintptr_t)linked_free))
		end("runs on another malloc", "this program");
}

void
must_not_run_on_library(void)
{
	if (dlsym(RTLD_DEFAULT, "tri_version") != NULL)
		end("runs on libtrimalloc", "this program");
}
