/*
 * clickhouse.c -- what a server such as ClickHouse does with jemalloc: it
 * reads the statistics anew each second, and has all arenas purged when
 * memory is short.
 *
 * Prints "no jemalloc" or, once all of it has worked, "jemalloc".
 */
#include <string.h>
#include <unistd.h>

#include "weak.h"

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define ARENAS_ALL 4096

enum { BLOCKS = 2048, BLOCK_BYTES = 32 * 1024 };

static size_t
resident_pages(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	size_t all, resident = 0;

	MUST(statm != NULL && fscanf(statm, "%zu %zu", &all, &resident) == 2,
	     "the kernel says what is resident");
	fclose(statm);
	return resident;
}

static void
refresh(void)
{
	static uint64_t epoch;
	uint64_t before = epoch;
	size_t length = sizeof(epoch);

	MUST(mallctl("epoch", &epoch, &length, &epoch, sizeof(epoch)) == 0,
	     "the statistics can be taken anew");
	MUST(length == sizeof(epoch) && epoch > before, "the epoch advances");
}

/* By a MIB that is looked up once and kept, as a sampler does. */
static size_t
size_by_mib(const char *name)
{
	size_t mib[7], depth = 7, value = 0, length = sizeof(value);

	MUST(mallctlnametomib(name, mib, &depth) == 0, name);
	MUST(mallctlbymib(mib, depth, &value, &length, NULL, 0) == 0, name);
	MUST(length == sizeof(value), name);
	return value;
}

static uint64_t
count_by_name(const char *name)
{
	uint64_t value = 0;
	size_t length = sizeof(value);

	MUST(mallctl(name, &value, &length, NULL, 0) == 0, name);
	MUST(length == sizeof(value), name);
	return value;
}

/* The sums that are told as metrics, and what must hold between them. */
static void
check_sums(void)
{
	size_t allocated, active, resident, mapped, page, pactive;

	refresh();
	allocated = size_by_mib("stats.allocated");
	active = size_by_mib("stats.active");
	resident = size_by_mib("stats.resident");
	mapped = size_by_mib("stats.mapped");
	page = size_by_mib("arenas.page");
	pactive = size_by_mib("stats.arenas." TEXT(ARENAS_ALL) ".pactive");
	size_by_mib("stats.metadata");
	size_by_mib("stats.metadata_thp");
	size_by_mib("stats.retained");
	size_by_mib("stats.background_thread.num_threads");
	count_by_name("stats.background_thread.num_runs");
	count_by_name("stats.background_thread.run_interval");
	size_by_mib("stats.arenas." TEXT(ARENAS_ALL) ".pdirty");
	size_by_mib("stats.arenas." TEXT(ARENAS_ALL) ".pmuzzy");
	count_by_name("stats.arenas." TEXT(ARENAS_ALL) ".dirty_purged");
	count_by_name("stats.arenas." TEXT(ARENAS_ALL) ".muzzy_purged");
	MUST(allocated >= 100000 && allocated <= active,
	     "active covers allocated");
	MUST(active <= mapped, "mapped covers active");
	/* No order holds between resident and mapped: dirty pages are one alone. */
	MUST(resident > 0, "something is resident");
	MUST(active % page == 0, "active is in pages");
	MUST(pactive * page >= active, "the arenas add up to active");
}

static void
purge(void)
{
	MUST(mallctl("thread.tcache.flush", NULL, NULL, NULL, 0) == 0,
	     "a thread's cache can be flushed");
	MUST(mallctl("arena." TEXT(ARENAS_ALL) ".purge", NULL, NULL, NULL, 0) ==
		     0,
	     "all arenas can be purged at once");
}

static void
check_purge(void)
{
	static char *blocks[BLOCKS];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), peak, allocated, after;

	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_BYTES);
		MUST(blocks[i] != NULL, "blocks can be had");
		memset(blocks[i], i, BLOCK_BYTES);
	}
	refresh();
	allocated = size_by_mib("stats.allocated");
	MUST(allocated >= (size_t)BLOCKS * BLOCK_BYTES, "blocks are counted");
	peak = resident_pages();
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	purge();
	after = resident_pages();
	MUST(after + (size_t)BLOCKS * BLOCK_BYTES / page * 9 / 10 < peak,
	     "what was freed is back with the kernel after a purge");
	refresh();
	MUST(size_by_mib("stats.allocated") + BLOCKS * BLOCK_BYTES / 10 * 9 <
		     allocated,
	     "what was freed is counted no more");
}

/* The switches that a server sets as it starts. */
static void
check_switches(void)
{
	bool on = false, profiling = true;
	size_t length = sizeof(on);
	const char *version = NULL;
	ssize_t decay_ms;

	MUST(mallctl("background_thread", &on, &length, NULL, 0) == 0,
	     "it can be asked whether memory goes back by itself");
	on = true;
	MUST(mallctl("background_thread", NULL, NULL, &on, sizeof(on)) == 0,
	     "memory can be made to go back by itself");
	length = sizeof(profiling);
	MUST(mallctl("opt.prof", &profiling, &length, NULL, 0) == 0 &&
		     !profiling,
	     "nobody asked for a heap profile");
	length = sizeof(version);
	MUST(mallctl("version", &version, &length, NULL, 0) == 0 &&
		     strncmp(version, "5.", 2) == 0,
	     "the version is one of jemalloc 5");
	length = sizeof(decay_ms);
	MUST(mallctl("arenas.dirty_decay_ms", &decay_ms, &length, NULL, 0) == 0,
	     "it can be asked when pages go back");
	decay_ms = 5000;
	MUST(mallctl("arenas.dirty_decay_ms", NULL, NULL, &decay_ms,
		     sizeof(decay_ms)) == 0,
	     "it can be said when pages go back");
	decay_ms = 0;
	MUST(mallctl("arenas.dirty_decay_ms", &decay_ms, &length, NULL, 0) ==
			     0 &&
		     decay_ms == 5000,
	     "what was said is what is told");
}

int
main(void)
{
	char *held = malloc(100000);

	MUST(held != NULL, "a block can be had");
	memset(held, 1, 100000);
	if (mallctl == NULL || mallctlnametomib == NULL ||
	    mallctlbymib == NULL) {
		puts("no jemalloc");
		return 0;
	}
	check_switches();
	check_sums();
	check_purge();
	check_sums();
	free(held);
	puts("jemalloc");
	return 0;
}
