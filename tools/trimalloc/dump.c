/*
 * dump.c -- trimalloc dump: has a process write its whole report.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>

#include <unistd.h>

#include "target.h"
#include "tool.h"

/* A signal's number by "URG", "SIGURG" or "23"; 0 is off; -1: not known. */
static int
signal_number(const char *word)
{
	if (isdigit((unsigned char)word[0])) {
		char *end;
		unsigned long n = strtoul(word, &end, 10);

		return *end == '\0' && n < NSIG ? (int)n : -1;
	}
	if (strcasecmp(word, "off") == 0 || strcasecmp(word, "false") == 0)
		return 0;
	if (strncasecmp(word, "SIG", 3) == 0)
		word += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name != NULL && strcasecmp(name, word) == 0)
			return i;
	}
	return -1;
}

/* The option's value in the process, or SIGURG, which is the default. */
static int
dump_signal(const struct target *t)
{
	char *value = target_option(t, "dump_signal");
	int number = value == NULL ? SIGURG : signal_number(value);

	free(value);
	return number;
}

static int
send_signal(const struct target *t, int number)
{
	if (t->pidfd >= 0)
		return (int)syscall(SYS_pidfd_send_signal, t->pidfd, number,
				    NULL, 0);
	return kill(t->proc.pid, number);
}

static int
dump_by_signal(int pid)
{
	struct target t;
	int number, code;

	target_find(&t, pid);
	if (t.problem != DONE) {
		code = target_say(&t);
		target_close(&t);
		return code;
	}
	number = dump_signal(&t);
	code = FAILED;
	if (number <= 0 || number >= NSIG)
		say_error("trimalloc dump --socket asks by the socket, where "
			  "there is one",
			  "process %d (%s) has the option dump_signal off", pid,
			  t.proc.comm);
	else if (!(t.proc.caught & (UINT64_C(1) << (number - 1))))
		/* Sent all the same, it would do nothing, or kill. */
		say_error("the library waits for it from the program's first "
			  "thread on, where the program does not use it "
			  "itself; trimalloc stats asks by the socket",
			  "process %d (%s) does not wait for the signal %s",
			  pid, t.proc.comm, sigabbrev_np(number));
	else if (send_signal(&t, number) != 0)
		say_error("run this as its user or as root",
			  "process %d (%s) got no signal: %m", pid,
			  t.proc.comm);
	else
		code = DONE;
	if (code == DONE)
		fprintf(stderr,
			"SIG%s is sent to process %d (%s): the report goes to "
			"its dump_path, or its stderr\n",
			sigabbrev_np(number), pid, t.proc.comm);
	target_close(&t);
	return code;
}

int
dump_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "socket", no_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool by_socket = false;
	double seconds = 5;
	int c, pid;

	while ((c = command_option(argc, argv, "h", names)) != -1) {
		if (c == 's')
			by_socket = true;
		else if (c == 't')
			seconds = parse_seconds(optarg, "--timeout");
	}
	pid = parse_pid(only_argument(argc, argv, "the PID"));
	return by_socket ? target_print(pid, "dump", seconds)
			 : dump_by_signal(pid);
}
