/*
 * boot.c -- from the first malloc of a process to its last.
 *
 * The first slow path boots. That may be the dynamic linker's or an IFUNC
 * resolver's, before libc or even this thread's TLS is up: until the
 * constructor has run, every call takes the slow path and blocks come straight
 * from an arena. The library is linked to be initialized first of all, which the
 * dynamic linker does not always grant (atfork.c).
 *
 * Nothing is torn down at exit: destructors may allocate to the end.
 */
#include <unistd.h>

#include "../base/options.h"
#include "../cache/quarantine.h"
#include "../cache/thread.h"
#include "../control/conf.h"
#include "../control/server.h"
#include "../control/stats.h"
#include "../control/trim.h"
#include "../pages/pagepool.h"
#include "../os/guarded.h"
#include "api.h"
#include "checked.h"
#include "fork.h"
#include "guarded.h"
#include "signals.h"

static struct lock boot_lock;
static _Atomic bool is_up;

/* The value of a variable, or NULL. libc's getenv is not up yet. */
static const char *
environment(char **env, const char *name)
{
	for (; env != NULL && *env != NULL; env++) {
		const char *v = *env, *n = name;

		while (*n != '\0' && *n == *v)
			n++, v++;
		if (*n == '\0' && *v == '=')
			return v + 1;
	}
	return NULL;
}

/*
 * jemalloc's come first, so that our own win. MALLOC_CONF is for the process's
 * malloc, which the library for native code is not.
 */
static void
read_options(char **env)
{
	/* A set-user-ID program does not take its caller's word. */
	bool is_secure = os_is_secure();
	const char *program = api_malloc_conf();
	const char *theirs = is_secure || TRI_JNI
				     ? NULL
				     : environment(env, "MALLOC_CONF");
	const char *ours = is_secure ? NULL
				     : environment(env, "TRIMALLOC_CONF");

	if (program != NULL)
		conf_parse("malloc_conf", program);
	if (theirs != NULL)
		conf_parse("MALLOC_CONF", theirs);
	if (ours != NULL)
		options_parse(ours);
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
		ensure(os_page_bytes() <= OS_PAGE_BYTES_MAX,
		       "the kernel's pages are larger than 64 KiB, and that "
		       "is not served");
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

static void
start(char **env)
{
	boot();
	stats_boot();
	read_options(env);
	guarded_boot();
	checked_boot();
	thread_boot();
	/* The JNI library does not see threads begin: it counts caches. */
	if (!TRI_JNI) {
		signals_boot();
		thread_enter();
	}
	pagepool_open_front();
	/* Where blocks are checked no size is known by a table. */
	if (!api_is_checked)
		api_fast_end = FAST_MAX + 1;
	atfork_boot();
	server_boot();
	/* Written for the last time; numbers may be set by mallctl later. */
	os_seal(&api_table, sizeof api_table);
	os_seal(&tri_option_texts, sizeof tri_option_texts);
	trim_boot();
}

/*
 * glibc hands every constructor the program's arguments and environment, and
 * may not have set environ yet. musl hands it nothing, and has.
 */
#if defined(__GLIBC__)
__attribute__((constructor)) static void
construct(int argc UNUSED, char **argv UNUSED, char **env)
{
	start(env);
}
#else
__attribute__((constructor)) static void
construct(void)
{
	start(environ);
}
#endif

__attribute__((destructor)) static void
destruct(void)
{
	if (option(stats_at_exit))
		tri_malloc_stats();
	quarantine_empty();
	server_exit();
}

EXPORT const char *
tri_version(void)
{
	return TRI_VERSION;
}
