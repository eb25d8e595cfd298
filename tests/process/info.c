/*
 * info.c -- see info.h.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "info.h"

size_t
info_number(const char *name)
{
	/* Eight arenas with free blocks of each size take 64 KiB. */
	static char text[1 << 20];
	const char *own, *at;
	char tag[64];
	FILE *f;

	memset(text, 0, sizeof text);
	f = fmemopen(text, sizeof text, "w");
	expect(f != NULL && malloc_info(0, f) == 0 && fclose(f) == 0);
	own = strstr(text, "<trimalloc>");
	expect(own != NULL);
	snprintf(tag, sizeof tag, "<%s>", name);
	at = strstr(own, tag);
	expect_for(at != NULL, "%s", tag);
	return strtoull(at + strlen(tag), NULL, 10);
}
