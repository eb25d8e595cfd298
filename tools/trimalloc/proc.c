/*
 * proc.c -- see proc.h.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link.h"
#include "proc.h"
#include "tool.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)

static char *
read_all(int fd, size_t *len)
{
	size_t size = 4096, used = 0;
	char *buf = must(malloc(size));
	ssize_t n;

	while ((n = read(fd, buf + used, size - used - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || used + (size_t)n > FILE_BYTES_MAX) {
			int error = n < 0 ? errno : EFBIG;

			free(buf);
			errno = error;
			return NULL;
		}
		used += (size_t)n;
		if (size - used < 2048)
			buf = must(realloc(buf, size *= 2));
	}
	buf[used] = '\0';
	*len = used;
	return buf;
}

char *
proc_file(int pid, const char *name, size_t *len)
{
	char path[64];
	char *text;
	int fd, error;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = read_all(fd, len);
	error = errno;
	close(fd);
	errno = error;
	return text;
}

/* Where the value of a line "Name:\tvalue" begins; "" if there is none. */
static const char *
status_value(const char *status, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = status; line != NULL;
	     line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return "";
}

/* The last number of a line: NSpid's is the innermost namespace's. */
static int
last_number(const char *value)
{
	int last = 0;

	while (isdigit((unsigned char)*value)) {
		char *end;

		last = (int)strtol(value, &end, 10);
		value = end + strspn(end, " \t");
	}
	return last;
}

/* Not from status, which escapes it. */
static int
read_comm(int pid, char *comm, size_t size)
{
	size_t len;
	char *name = proc_file(pid, "comm", &len);

	if (name == NULL)
		return -1;
	snprintf(comm, size, "%.*s", (int)strcspn(name, "\n"), name);
	/* Anybody may put anything there. */
	make_printable(comm, strlen(comm));
	free(name);
	return 0;
}

/* Field 22 of stat, behind the name, which may hold anything. */
static int
read_start(int pid, uint64_t *started)
{
	size_t len;
	char *stat = proc_file(pid, "stat", &len), *at;

	if (stat == NULL)
		return -1;
	at = strrchr(stat, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	*started = at == NULL ? 0 : strtoull(at + 1, NULL, 10);
	free(stat);
	return 0;
}

int
proc_read(int pid, struct proc *out)
{
	size_t len;
	char *status = proc_file(pid, "status", &len);
	unsigned effective = 0;

	if (status == NULL)
		return -1;
	memset(out, 0, sizeof *out);
	out->pid = pid;
	out->tgid = atoi(status_value(status, "Tgid"));
	out->inner_pid = last_number(status_value(status, "NSpid"));
	if (out->inner_pid == 0)
		out->inner_pid = pid;
	if (sscanf(status_value(status, "Uid"), "%*u %u", &effective) == 1)
		out->uid = effective;
	out->state = *status_value(status, "State");
	out->threads = (unsigned)atoi(status_value(status, "Threads"));
	out->resident = strtoull(status_value(status, "VmRSS"), NULL, 10) *
			1024;
	out->caught = strtoull(status_value(status, "SigCgt"), NULL, 16);
	free(status);
	if (read_comm(pid, out->comm, sizeof out->comm) != 0)
		return -1;
	return read_start(pid, &out->started);
}

/* A line of maps: does it map a file of our name? */
static bool
maps_library(const char *line, size_t len)
{
	const char *path = memchr(line, '/', len);
	const char *name = path == NULL ? NULL
					: memrchr(path, '/',
						  len - (size_t)(path - line));
	static const char ours[] = "libtrimalloc";

	return name != NULL &&
	       len - (size_t)(name + 1 - line) >= sizeof ours - 1 &&
	       memcmp(name + 1, ours, sizeof ours - 1) == 0;
}

int
proc_has_library(int pid)
{
	size_t len;
	char *maps = proc_file(pid, "maps", &len);
	int has = 0;

	if (maps == NULL)
		return -1;
	for (char *line = maps; !has && *line != '\0';) {
		size_t n = strcspn(line, "\n");
		size_t path = n;
		static const char gone[] = " (deleted)";

		/* A library that was replaced by a newer one is still there. */
		if (n >= sizeof gone && memcmp(line + n - (sizeof gone - 1),
					       gone, sizeof gone - 1) == 0)
			path -= sizeof gone - 1;
		has = maps_library(line, path);
		line += n + (line[n] == '\n');
	}
	free(maps);
	return has;
}

char *
proc_environment(int pid, const char *name)
{
	size_t len, n = strlen(name);
	char *env = proc_file(pid, "environ", &len), *found = NULL;

	if (env == NULL)
		return NULL;
	for (char *at = env; found == NULL && at < env + len;
	     at += strlen(at) + 1) {
		if (strncmp(at, name, n) == 0 && at[n] == '=')
			found = must(strdup(at + n + 1));
	}
	free(env);
	errno = 0;
	return found;
}

char *
conf_value(const char *conf, const char *key)
{
	size_t n = strlen(key);
	char *value = NULL;

	while (*conf != '\0') {
		size_t len = strcspn(conf, ",");

		if (len > n && strncmp(conf, key, n) == 0 && conf[n] == ':') {
			free(value);
			value = must(strndup(conf + n + 1, len - n - 1));
		}
		conf += len + (conf[len] == ',');
	}
	return value;
}

char *
conf_expand(const char *pattern, int pid)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out = must(open_memstream(&text, &size));

	for (const char *c = pattern; *c != '\0'; c++) {
		if (c[0] == '%' && c[1] == 'p')
			fprintf(out, "%d", pid);
		else
			fputc(*c, out);
		if (c[0] == '%' && (c[1] == 'p' || c[1] == '%'))
			c++;
	}
	fclose(out);
	return must(text);
}

static int
by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

size_t
proc_list(int **pids)
{
	size_t n = 0, size = 256;
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	*pids = must(malloc(size * sizeof **pids));
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (n == size)
			*pids = must(
				realloc(*pids, (size *= 2) * sizeof **pids));
		(*pids)[n++] = atoi(entry->d_name);
	}
	closedir(dir);
	qsort(*pids, n, sizeof **pids, by_number);
	return n;
}

int
proc_find_inner(int pid)
{
	int *pids, found = 0;
	size_t n = proc_list(&pids);

	for (size_t i = 0; i < n && found == 0; i++) {
		struct proc p;

		if (proc_read(pids[i], &p) == 0 && p.inner_pid == pid &&
		    p.pid != pid)
			found = p.pid;
	}
	free(pids);
	return found;
}

const char *
user_name(uid_t uid, char *buf, size_t size)
{
	struct passwd entry, *user = NULL;
	char room[4096];

	getpwuid_r(uid, &entry, room, sizeof room, &user);
	if (user != NULL)
		snprintf(buf, size, "%s", user->pw_name);
	else
		snprintf(buf, size, "uid %u", uid);
	return buf;
}
