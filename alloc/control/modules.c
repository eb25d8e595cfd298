/*
 * modules.c -- see modules.h.
 */
#include <elf.h>
#include <string.h>

#include "../os/file.h"
#include "../os/stack.h"
#include "modules.h"

/* A JVM has a hundred of them; those beyond are not found. */
#define NMODULES_MAX 1024u
#define NAMES_BYTES  (64 * KIB)

static struct {
	struct module all[NMODULES_MAX];
	size_t n;
	char names[NAMES_BYTES];
	size_t names_end;
	struct lines lines;
} modules;

/* The hexadecimal number at *s, and *s behind it and one character more. */
static uintptr_t
take_hex(const char **s)
{
	uintptr_t n = 0;

	for (;; (*s)++) {
		char c = **s;

		if (c >= '0' && c <= '9')
			n = n * 16 + (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (uintptr_t)(c - 'a') + 10;
		else
			break;
	}
	if (**s != '\0')
		(*s)++;
	return n;
}

/* Behind n fields and the spaces that follow them. */
static const char *
skip_fields(const char *s, unsigned n)
{
	for (; n > 0; n--) {
		while (*s != ' ' && *s != '\0')
			s++;
		while (*s == ' ')
			s++;
	}
	return s;
}

/* Kept until the next reading; the last name is most often the same. */
static const char *
keep_name(const char *name)
{
	size_t bytes = strlen(name) + 1;
	char *at = modules.names + modules.names_end;

	if (bytes > NAMES_BYTES - modules.names_end)
		return "";
	memcpy(at, name, bytes);
	modules.names_end += bytes;
	return at;
}

/* A program that is not position-independent has its addresses in its file. */
static bool
is_fixed(uintptr_t base)
{
	uint64_t word;

	if (!os_is_readable(base + 16))
		return false;
	word = *(const volatile uint64_t *)(base + 16);
	return (uint16_t)word == ET_EXEC;
}

/* "start-end perms offset device inode path" */
static void
add_line(const char *line, const char **file, uintptr_t *base)
{
	const char *s = line, *name;
	uintptr_t start = take_hex(&s), end = take_hex(&s);
	const char *perms = s;

	name = skip_fields(s, 4);
	/* The mappings of a file begin with that of its head. */
	if (name[0] == '/' && (*file == NULL || strcmp(*file, name) != 0)) {
		*file = keep_name(name);
		*base = start;
	}
	if (perms[2] != 'x' || modules.n == NMODULES_MAX)
		return;
	modules.all[modules.n++] = (struct module){
		.start = start,
		.end = end,
		.bias = name[0] == '/' && !is_fixed(*base) ? *base : 0,
		.name = name[0] == '/' ? *file : keep_name(name),
		.is_readable = perms[0] == 'r',
	};
}

bool
modules_read(void)
{
	const char *line, *file = NULL;
	uintptr_t base = 0;

	modules.n = modules.names_end = 0;
	if (!lines_open(&modules.lines, "/proc/self/maps"))
		return false;
	while ((line = lines_next(&modules.lines)) != NULL)
		add_line(line, &file, &base);
	lines_close(&modules.lines);
	return true;
}

const struct module *
module_find(uintptr_t addr)
{
	for (size_t i = 0; i < modules.n; i++) {
		const struct module *m = &modules.all[i];

		if (addr - m->start < m->end - m->start)
			return m;
	}
	return NULL;
}

static uint8_t
byte_at(uintptr_t addr)
{
	return *(const volatile uint8_t *)addr;
}

#if defined(__x86_64__)
/* call rel32, or FF /2 with up to five bytes behind its second one. */
static bool
is_call(uintptr_t addr)
{
	if (byte_at(addr - 5) == 0xe8)
		return true;
	for (unsigned n = 2; n <= 7; n++) {
		if (n != 5 && byte_at(addr - n) == 0xff &&
		    (byte_at(addr - n + 1) & 0x38) == 0x10)
			return true;
	}
	return false;
}
#else
/* bl, or blr with or without a key. */
static bool
is_call(uintptr_t addr)
{
	uint32_t word = 0;

	if (addr % 4 != 0)
		return false;
	for (unsigned n = 1; n <= 4; n++)
		word = word << 8 | byte_at(addr - n);
	return (word & 0xfc000000) == 0x94000000 ||
	       (word & 0xfefff000) == 0xd63f0000;
}
#endif

bool
module_calls_before(const struct module *m, uintptr_t addr)
{
	return m->is_readable && addr >= m->start + 8 && is_call(addr);
}
