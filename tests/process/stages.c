/*
 * stages.c -- allocates in every moment of a process's life; see early_late.c.
 */
#include "library.h"
#include "stages.h"

static struct stage from_preinit, from_first, from_constructor, from_main;

static void
preinit(void)
{
	stage_alloc(&from_preinit, 2);
	stage_say("preinit array\n");
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const preinit_entry)(void) = preinit;

static void
at_exit(void)
{
	stage_check_and_free(&from_main);
	stage_pass("exit handler\n");
}

__attribute__((constructor(101))) static void
construct_first(void)
{
	stage_alloc(&from_first, 3);
	/* Registered first, it is called last. */
	stage_expect(atexit(at_exit) == 0);
	stage_say("first constructor\n");
}

__attribute__((constructor)) static void
construct(void)
{
	stage_alloc(&from_constructor, 4);
	stage_say("constructor\n");
}

__attribute__((destructor)) static void
destruct(void)
{
	stage_check_and_free(&from_constructor);
	stage_pass("destructor\n");
}

__attribute__((destructor(101))) static void
destruct_last(void)
{
	stage_check_and_free(&from_first);
	stage_pass("last destructor\n");
}

int
main(void)
{
	must_run_on_library();
	stage_check_and_free(&from_preinit);
	stage_alloc(&from_main, 5);
	stage_say("main\n");
	return 0;
}
