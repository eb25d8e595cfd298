/*
 * stages_lib.c -- a library preloaded after the allocator: the dynamic linker
 * constructs it before the allocator, and destructs it after it.
 */
#include "stages.h"

static struct stage from_constructor;

__attribute__((constructor(101))) static void
construct_first(void)
{
	stage_pass("first constructor of a library\n");
}

__attribute__((constructor)) static void
construct(void)
{
	stage_alloc(&from_constructor, 6);
	stage_say("constructor of a library\n");
}

__attribute__((destructor)) static void
destruct(void)
{
	stage_check_and_free(&from_constructor);
	stage_pass("destructor of a library\n");
}
