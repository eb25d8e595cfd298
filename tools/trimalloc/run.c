/*
 * run.c -- trimalloc run: starts a program with the library in malloc's place.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library.h"
#include "tool.h"

#define CONTROL "control:/tmp/trimalloc-%p.sock"

/* `conf`,`option`; frees conf. */
static char *
append_option(char *conf, const char *option)
{
	char *both;

	if (conf == NULL || conf[0] == '\0') {
		free(conf);
		return must(strdup(option));
	}
	both = format_string("%s,%s", conf, option);
	free(conf);
	return both;
}

static void
check_option(const char *option)
{
	size_t key = strcspn(option, ":");

	if (strcmp(option, "help") == 0)
		return;
	if (key == 0 || option[key] == '\0')
		usage_error("an option is KEY:VALUE, not '%s'", option);
}

/* Where execvp would find it; NULL with errno. Of malloc. */
static char *
find_program(const char *name)
{
	const char *path = getenv("PATH");
	int error = ENOENT;

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0 ? must(strdup(name)) : NULL;
	for (path = path == NULL ? "/usr/local/bin:/usr/bin:/bin" : path;;) {
		size_t len = strcspn(path, ":");
		char *file = format_string("%.*s%s%s", (int)len, path,
					   len > 0 ? "/" : "", name);
		struct stat st;

		if (access(file, X_OK) == 0 && stat(file, &st) == 0 &&
		    S_ISREG(st.st_mode))
			return file;
		if (access(file, F_OK) == 0)
			error = EACCES;
		free(file);
		if (path[len] == '\0')
			break;
		path += len + 1;
	}
	errno = error;
	return NULL;
}

static int
say_not_found(const char *name)
{
	int error = errno;
	const char *next = "is it spelt right, and installed?";

	if (error == EACCES || error == EISDIR) {
		say_error("chmod +x it, or name what interprets it first",
			  "%s cannot be executed: %s", name, strerror(error));
		return RUN_NOT_EXECUTABLE;
	}
	if (strchr(name, '/') == NULL)
		next = "is it spelt right, and its folder in PATH?";
	say_error(next, "there is no program %s: %s", name, strerror(error));
	return RUN_NOT_FOUND;
}

static int
execute(char *library, char *conf, char **arguments)
{
	char *program = find_program(arguments[0]), *preload;
	const char *why;

	if (program == NULL)
		return say_not_found(arguments[0]);
	why = library_refused_by(program);
	if (why != NULL)
		say_warning("%s will run without trimalloc: %s", program, why);
	preload = library_preload(library, getenv("LD_PRELOAD"));
	if (setenv("LD_PRELOAD", preload, 1) != 0 ||
	    (conf != NULL && setenv("TRIMALLOC_CONF", conf, 1) != 0))
		must(NULL);
	execv(program, arguments);
	if (errno == ENOENT) {
		say_error("its interpreter is missing: see its first line, or "
			  "file(1)",
			  "%s cannot be executed: %m", program);
		return RUN_NOT_FOUND;
	}
	say_error("file(1) tells what it is", "%s cannot be executed: %m",
		  program);
	return RUN_NOT_EXECUTABLE;
}

int
run_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "option", required_argument, NULL, 'o' },
		{ "lib", required_argument, NULL, 'l' },
		{ "control", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *given = NULL, *before = getenv("TRIMALLOC_CONF");
	char *conf = before == NULL ? NULL : must(strdup(before)), *library;
	int c;

	/* +: what follows the program's name is the program's. */
	while ((c = command_option(argc, argv, "+o:l:h", names)) != -1) {
		if (c == 'o') {
			check_option(optarg);
			conf = append_option(conf, optarg);
		} else if (c == 'l') {
			given = optarg;
		} else if (c == 'c') {
			conf = append_option(conf, CONTROL);
		}
	}
	if (optind >= argc)
		usage_error("what is to be run?");
	library = library_find(given);
	if (library == NULL)
		return RUN_FAILED;
	return execute(library, conf, argv + optind);
}
