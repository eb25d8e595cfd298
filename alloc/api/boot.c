/*
 * boot.c -- from the first malloc of a process to its last.
 *
 * The first slow path boots: that may be the dynamic linker's, before any
 * constructor has run, when libc has not found the environment yet. The
 * constructor then reads the options and registers what needs a libc that is
 * up. Nothing is torn down at exit: destructors may allocate to the end.
 */
#include <pthread.h>

#include "../base/options.h"
#include "../cache/thread.h"
#include "../os/os.h"
#include "api.h"
#include "fork.h"

extern char **environ;

static struct lock boot_lock;
static _Atomic bool is_up;
static bool has_options;

/* The value of a variable, or NULL; getenv would do, once libc is up. */
static const char *
environment(const char *name)
{
	for (char **e = environ; e != NULL && *e != NULL; e++) {
		const char *v = *e, *n = name;

		while (*n != '\0' && *n == *v)
			n++, v++;
		if (*n == '\0' && *v == '=')
			return v + 1;
	}
	return NULL;
}

/* Once, as soon as there is an environment to read. */
static void
read_options(void)
{
	const char *conf;

	if (has_options || environ == NULL)
		return;
	has_options = true;
	/* A set-user-ID program does not take its caller's word. */
	conf = os_is_secure() ? NULL : environment("TRIMALLOC_CONF");
	if (conf != NULL)
		options_parse(conf);
}

static void
fill_table(void)
{
	size_t n = sizeof api_bins / sizeof api_bins[0];

	for (size_t i = 0; i < n; i++)
		api_bins[i] = CLASS_TO_MAP(size_class(i * QUANTUM_BYTES));
}

static COLD void
boot_slow(void)
{
	lock_take(&boot_lock, LOCK_CONTROL);
	/* Relaxed: written under this lock. */
	if (!atomic_load_explicit(&is_up, memory_order_relaxed)) {
		read_options();
		thread_boot();
		fill_table();
		/* Release: pairs with the acquire in boot(). */
		atomic_store_explicit(&is_up, true, memory_order_release);
	}
	lock_drop(&boot_lock, LOCK_CONTROL);
}

void
boot(void)
{
	/* Acquire: pairs with the release in boot_slow(). */
	if (!atomic_load_explicit(&is_up, memory_order_acquire))
		boot_slow();
}

__attribute__((constructor)) static void
construct(void)
{
	boot();
	read_options();
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

__attribute__((destructor)) static void
destruct(void)
{
	if (option(stats_at_exit))
		tri_malloc_stats();
}

EXPORT const char *
tri_version(void)
{
	return TRI_VERSION;
}
