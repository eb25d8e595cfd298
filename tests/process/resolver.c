/*
 * resolver.c -- allocates in an IFUNC resolver; see early_late.c.
 *
 * The dynamic linker calls a resolver while it still relocates the program:
 * no constructor has run, and the thread-local storage that the library sees
 * is zero, not yet what the library initialized it with.
 */
#include "library.h"
#include "stages.h"

static struct stage from_resolver;

static int
answer(void)
{
	return 42;
}

__attribute__((used)) static int (*resolve_answer(void))(void)
{
	stage_alloc(&from_resolver, 1);
	stage_say("ifunc resolver\n");
	return answer;
}

static int indirect_answer(void) __attribute__((ifunc("resolve_answer")));

int
main(void)
{
	must_run_on_library();
	stage_expect(indirect_answer() == 42);
	stage_check_and_free(&from_resolver);
	stage_pass("main\n");
	return 0;
}
