/*
 * system.c -- see system.h.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "system.h"

#define FOLDER "/sys/kernel/mm/transparent_hugepage/"

struct setting {
	const char *path, *eager;
	char before[64];
};

/* The first is the one that the case chooses, and the one that is locked. */
static struct setting settings[] = {
	{ FOLDER "enabled", NULL, "" },
	{ FOLDER "khugepaged/scan_sleep_millisecs", "5", "" },
	{ FOLDER "khugepaged/alloc_sleep_millisecs", "5", "" },
	{ FOLDER "khugepaged/pages_to_scan", "1000000", "" },
};

#define NSETTINGS (sizeof settings / sizeof settings[0])

struct switched {
	int lock;     /* descriptor */
	int lifeline; /* closed when this process ends */
	pid_t guardian;
};

static bool
read_setting(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

static bool
write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

/* Of "always [madvise] never" the word in brackets. */
static void
choose_word(char *text)
{
	char *open = strchr(text, '['), *close = strchr(text, ']');

	if (open == NULL || close == NULL)
		return;
	*close = '\0';
	memmove(text, open + 1, strlen(open + 1) + 1);
}

bool
system_makes_huge_pages(const char *when)
{
	char text[64];

	if (!read_setting(settings[0].path, text, sizeof text))
		return strcmp(when, "never") == 0;
	choose_word(text);
	return strcmp(text, when) == 0;
}

static void
restore_all(void)
{
	for (size_t i = 0; i < NSETTINGS; i++)
		write_setting(settings[i].path, settings[i].before);
}

/* A test of another build may be at it. */
static int
lock_settings(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int fd = open(settings[0].path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		case_skipped("the system's setting cannot be written");
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (i == 2000)
			case_skipped("another test has the system's setting");
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* Waits for the end of the case in whatever way, out of reach of its signals. */
static void
guard(int lifeline)
{
	char c;

	setsid();
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	while (read(lifeline, &c, 1) > 0)
		;
	restore_all();
	_exit(0);
}

static void
start_guardian(struct switched *s)
{
	int fds[2];

	expect(pipe2(fds, O_CLOEXEC) == 0);
	s->guardian = fork();
	expect(s->guardian >= 0);
	if (s->guardian == 0) {
		close(fds[1]);
		guard(fds[0]);
	}
	close(fds[0]);
	s->lifeline = fds[1];
}

struct switched *
system_switch_huge_pages(const char *when)
{
	static struct switched s;

	s.lock = lock_settings();
	settings[0].eager = when;
	for (size_t i = 0; i < NSETTINGS; i++) {
		if (!read_setting(settings[i].path, settings[i].before,
				  sizeof settings[i].before))
			case_skipped("khugepaged has no settings here");
		choose_word(settings[i].before);
	}
	start_guardian(&s);
	for (size_t i = 0; i < NSETTINGS; i++) {
		if (!write_setting(settings[i].path, settings[i].eager)) {
			system_restore(&s);
			case_skipped("the system's setting cannot be written");
		}
	}
	return &s;
}

void
system_restore(struct switched *s)
{
	close(s->lifeline);
	expect(waitpid(s->guardian, NULL, 0) == s->guardian);
	close(s->lock);
}
