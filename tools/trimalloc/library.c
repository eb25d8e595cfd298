/*
 * library.c -- see library.h.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library.h"
#include "tool.h"

#define LIBRARY_NAME "libtrimalloc.so"

/* Scripts whose interpreters are scripts; the kernel gives up at five. */
#define SCRIPTS_MAX 5

/* Where the library may be, seen from the folder of the command. */
static const char *const beside[] = {
	"../../.libs/" LIBRARY_NAME,             /* the build tree */
	"../lib/" LIBRARY_NAME,                  /* make install */
	"../lib64/" LIBRARY_NAME,                /* Fedora's libdir */
	"../lib/x86_64-linux-gnu/" LIBRARY_NAME, /* Debian's */
	LIBRARY_NAME,                            /* one folder for all */
};

/* 0 if `fd` is an ELF file of this machine; fills the header. */
static bool
reads_header(int fd, Elf64_Ehdr *h)
{
	return pread(fd, h, sizeof *h, 0) == (ssize_t)sizeof *h &&
	       memcmp(h->e_ident, ELFMAG, SELFMAG) == 0;
}

static char *
find_beside(void)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		char *path = format_string("%s/%s", self, beside[i]);
		char *real = realpath(path, NULL);

		free(path);
		if (real != NULL)
			return real;
	}
	return NULL;
}

/* Can it be named in LD_PRELOAD, and loaded? */
static bool
is_loadable(const char *path)
{
	Elf64_Ehdr h;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_elf;

	if (fd < 0) {
		say_error("--lib PATH names another one",
			  "%s cannot be read: %m", path);
		return false;
	}
	is_elf = reads_header(fd, &h) && h.e_type == ET_DYN;
	close(fd);
	if (!is_elf)
		say_error("--lib wants the path of libtrimalloc.so",
			  "%s is not a shared library", path);
	/* The loader takes both for separators, and knows no way around. */
	if (is_elf && strpbrk(path, " :") != NULL) {
		say_error("copy it to a path without, and name that by --lib",
			  "LD_PRELOAD cannot name a path with a space or a "
			  "colon: %s",
			  path);
		return false;
	}
	return is_elf;
}

char *
library_find(const char *given)
{
	char *path = given != NULL ? realpath(given, NULL) : find_beside();

	if (path == NULL && given != NULL) {
		say_error("--lib wants the path of libtrimalloc.so", "%s: %m",
			  given);
		return NULL;
	}
	if (path == NULL)
		path = realpath(TOOL_LIBDIR "/" LIBRARY_NAME, NULL);
	if (path == NULL) {
		say_error("make install puts it there; --lib PATH names one "
			  "elsewhere",
			  LIBRARY_NAME " is neither beside this command nor "
				       "in " TOOL_LIBDIR);
		return NULL;
	}
	if (!is_loadable(path)) {
		free(path);
		return NULL;
	}
	return path;
}

/* What a dynamic program's interpreter tells: NULL is glibc's. */
static const char *
judge_interpreter(int fd, const Elf64_Phdr *p)
{
	char name[PATH_MAX];
	size_t size = p->p_filesz < sizeof name ? p->p_filesz : sizeof name - 1;
	ssize_t n = pread(fd, name, size, (off_t)p->p_offset);

	name[n < 0 ? 0 : n] = '\0';
	if (strstr(name, "ld-musl") != NULL)
		return "it is linked with musl, and the library needs glibc";
	return NULL;
}

static const char *
judge_elf(int fd, const Elf64_Ehdr *h)
{
	static const char is_static[] =
		"it is linked statically, and takes no other malloc";
	Elf64_Phdr p;
	Elf64_Ehdr own;
	int self;

	if (h->e_ident[EI_CLASS] == ELFCLASS32)
		return "it is a 32-bit program, and the library has 64 bits";
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self >= 0 && reads_header(self, &own) &&
	    own.e_machine != h->e_machine) {
		close(self);
		return "it is for another processor";
	}
	if (self >= 0)
		close(self);
	for (unsigned i = 0; i < h->e_phnum; i++) {
		off_t at = (off_t)(h->e_phoff + (uint64_t)i * h->e_phentsize);

		if (pread(fd, &p, sizeof p, at) != (ssize_t)sizeof p)
			break;
		if (p.p_type == PT_INTERP)
			return judge_interpreter(fd, &p);
	}
	return is_static;
}

/* The interpreter's path in "#! /bin/sh -e"; false: none. */
static bool
reads_script(int fd, char *path, size_t size)
{
	char line[PATH_MAX];
	ssize_t n = pread(fd, line, sizeof line - 1, 0);
	char *at;

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	snprintf(path, size, "%.*s", (int)strcspn(at, " \t\n"), at);
	return path[0] == '/';
}

const char *
library_refused_by(const char *path)
{
	char name[PATH_MAX];
	const char *why = NULL;

	snprintf(name, sizeof name, "%s", path);
	for (int i = 0; i < SCRIPTS_MAX; i++) {
		Elf64_Ehdr h;
		struct stat st;
		int fd = open(name, O_RDONLY | O_CLOEXEC);
		bool goes_on;

		if (fd < 0)
			return NULL;
		if (fstat(fd, &st) == 0 &&
		    (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
		     ((st.st_mode & S_ISGID) && st.st_gid != getegid())))
			why = "it is set-user-ID, and the loader then takes "
			      "no library from its caller";
		else if (reads_header(fd, &h))
			why = judge_elf(fd, &h);
		goes_on = reads_script(fd, name, sizeof name);
		close(fd);
		if (!goes_on)
			break;
	}
	return why;
}

/* Is `library` one of the paths of LD_PRELOAD? */
static bool
is_named(const char *library, const char *preload)
{
	size_t n = strlen(library);

	while (*preload != '\0') {
		size_t len = strcspn(preload, " :");

		if (len == n && memcmp(preload, library, n) == 0)
			return true;
		preload += len + (preload[len] != '\0');
	}
	return false;
}

char *
library_preload(const char *library, const char *before)
{
	if (before == NULL || before[0] == '\0')
		return must(strdup(library));
	if (is_named(library, before))
		return must(strdup(before));
	return format_string("%s:%s", library, before);
}
