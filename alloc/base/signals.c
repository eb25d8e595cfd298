/*
 * signals.c -- see signals.h.
 */
#include <signal.h>
#include <string.h>

#include "signals.h"

/* Names of the signals that every Linux has. */
static const struct {
	char name[8];
	int number;
} names[] = {
	{ "HUP", SIGHUP },       { "INT", SIGINT },   { "QUIT", SIGQUIT },
	{ "ILL", SIGILL },       { "TRAP", SIGTRAP }, { "ABRT", SIGABRT },
	{ "BUS", SIGBUS },       { "FPE", SIGFPE },   { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 },     { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE },     { "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "CHLD", SIGCHLD },     { "CONT", SIGCONT }, { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP },     { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
	{ "URG", SIGURG },       { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO },         { "PWR", SIGPWR },   { "SYS", SIGSYS },
};

#define NNAMES (sizeof names / sizeof names[0])

int
signal_by_name(const char *name, size_t len)
{
	if (len > 3 && memcmp(name, "SIG", 3) == 0) {
		name += 3;
		len -= 3;
	}
	for (size_t i = 0; i < NNAMES; i++) {
		if (strlen(names[i].name) == len &&
		    memcmp(names[i].name, name, len) == 0)
			return names[i].number;
	}
	return 0;
}

void
text_signal(struct text *t, int number)
{
	for (size_t i = 0; i < NNAMES; i++) {
		if (names[i].number == number) {
			text_str(t, "SIG");
			text_str(t, names[i].name);
			return;
		}
	}
	text_int(t, number);
}

bool
signal_may_be_caught(int number)
{
	switch (number) {
	case SIGKILL:
	case SIGSTOP:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGSEGV:
	case SIGSYS:
		return false;
	default:
		return true;
	}
}
