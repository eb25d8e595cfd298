/*
 * twice.c -- frees a block twice, and asks for nothing that glibc 2.3 did not
 * have: built without the C library's own beginning of a program, which names
 * the version that it comes from (-nostartfiles).
 */
#include <stdlib.h>
#include <unistd.h>

void _start(void);

/* The kernel leaves the stack as no caller would. */
__attribute__((force_align_arg_pointer)) void
_start(void)
{
	void *volatile p = malloc(100);

	free(p);
	free(p);
	_exit(0);
}
