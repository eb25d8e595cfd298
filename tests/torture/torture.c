/*
 * torture.c -- everything at once, for as long as one likes: rounds, each a
 * process of its own under options, a memory limit and a load that its seed
 * draws.
 *
 *	make torture			ten minutes
 *	TORTURE_SECONDS=36000		as long
 *	TORTURE_SEED=42			the same draws again
 *	TORTURE_ROUNDS=1		so many rounds, however long they take
 *	TORTURE_PATIENCE=100000		a round that hangs is not ended before
 *
 * Which thread comes first is not drawn: a round that failed may pass when it
 * is repeated. What failed says how to try.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/group.h"
#include "process/library.h"
#include "process/spawn.h"
#include "round.h"

/* In `make check`. */
#define SECONDS    5
#define ROUND_MS   1500
#define PATIENCE_S 120

static struct outcome outcome;
static char self[4096], dir[64];

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10)
					     : otherwise;
}

/* --- what a round is drawn from -------------------------------------------------- */

struct plan {
	uint64_t seed;
	char conf[1024];
	size_t limit;  /* of its memory group; 0: none */
	bool is_plain; /* blocks are nothing but blocks */
	bool may_write;
	char control[108];
};

/* One of the words, the last of which is NULL. */
static const char *
one_of(struct random *r, const char *const *words)
{
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	return words[random_below(r, n)];
}

struct choice {
	const char *option;
	const char *words[10];
};

/* Words that stand twice come twice as often. */
static const struct choice choices[] = {
	{ "narenas", { "0", "0", "1", "2", "3", "8", "40" } },
	{ "tcache", { "true", "true", "true", "true", "true", "false" } },
	{ "tcache_max", { "16", "256", "4K", "32K", "256K", "256K", "1M" } },
	{ "tcache_large", { "0", "64K", "2M", "2M", "64M" } },
	{ "decay_ms", { "-1", "0", "1", "1", "4", "20", "100", "1000" } },
	{ "trim_thread", { "true", "true", "true", "true", "false" } },
	{ "pressure_percent", { "0", "30", "90", "90" } },
	{ "guarded", { "0", "0", "0", "1", "7", "500" } },
	{ "check", { "none", "none", "none", "full" } },
	{ "canary", { "auto", "auto", "true" } },
	{ "poison", { "auto", "auto", "true" } },
	{ "quarantine", { "-1", "-1", "0", "1M" } },
	{ "guarded_slots", { "2", "40", "256", "4K" } },
	{ "junk", { "auto", "auto", "true", "zero" } },
	{ "zero", { "false", "false", "true" } },
	{ "thp", { "default", "default", "never", "always" } },
	{ "randomize", { "false", "false", "true" } },
	{ "stats_at_exit", { "false", "false", "false", "true" } },
	{ "stats_interval", { "0", "0", "1" } },
	{ "dump_signal", { "URG", "URG", "URG", "0" } },
	{ "dump_keep", { "1", "2", "10" } },
	{ "dump_form", { "text", "json", "xml" } },
};

static void
draw_options(struct plan *p, struct random *r)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
		const char *word = one_of(r, choices[i].words);

		n += (size_t)snprintf(p->conf + n, sizeof p->conf - n, "%s:%s,",
				      choices[i].option, word);
	}
	p->is_plain = strstr(p->conf, "guarded:0,check:none,canary:auto,"
				      "poison:auto,quarantine:-1,") != NULL;
	p->may_write = strstr(p->conf, "stats_at_exit:true") != NULL;
	snprintf(p->control, sizeof p->control, "%s/control", dir);
	snprintf(p->conf + n, sizeof p->conf - n,
		 "control:%s,dump_path:%s/dump-%%p-%%n", p->control, dir);
}

static void
draw(struct plan *p, uint64_t seed)
{
	struct random r = { seed };

	memset(p, 0, sizeof *p);
	p->seed = seed;
	random_next(&r);
	draw_options(p, &r);
	if (random_below(&r, 4) == 0)
		p->limit = (512 + random_below(&r, 512)) * MIB;
}

/* --- one round ------------------------------------------------------------------------ */

static bool
ended_well(const struct plan *p)
{
	return !outcome.timed_out && WIFEXITED(outcome.status) &&
	       WEXITSTATUS(outcome.status) == 0 &&
	       (outcome.err_bytes == 0 || p->may_write);
}

static void
tell(const struct plan *p)
{
	print_message("# TORTURE_SEED=%llu TORTURE_ROUNDS=1 repeats it, with "
		      "TRIMALLOC_CONF=%s and a limit of %zu bytes\n",
		      (unsigned long long)p->seed, p->conf, p->limit);
	if (outcome.err_bytes > 0)
		print_message("# %.2000s\n", outcome.err);
}

static void
spawn_in_group(const struct plan *p, struct spawn *s)
{
	struct group group;
	const char *why;
	char live[32];
	bool has_group = p->limit != 0 && group_make(&group, p->limit, 0, &why);

	snprintf(live, sizeof live, "%zu",
		 has_group ? p->limit / 12 : 64 * MIB);
	setenv(LIVE_VARIABLE, live, 1);
	if (has_group)
		s->group = group.dir;
	if (!spawn_run(s, &outcome))
		fail_msg("it could not be started: %s", outcome.err);
	if (has_group)
		group_remove(&group);
	s->group = NULL;
}

static void
run_round(uint64_t seed)
{
	char number[32];
	const char *argv[] = { self, "--round", number, NULL };
	struct plan p;
	struct spawn s = { .argv = argv, .preload = library_path() };

	draw(&p, seed);
	s.conf = p.conf;
	s.timeout_s = (unsigned)number_from("TORTURE_PATIENCE", PATIENCE_S);
	snprintf(number, sizeof number, "%llu", (unsigned long long)seed);
	setenv(CONTROL_VARIABLE, p.control, 1);
	setenv(PLAIN_VARIABLE, p.is_plain ? "yes" : "no", 1);
	spawn_in_group(&p, &s);
	if (!ended_well(&p)) {
		tell(&p);
		fail_msg("a round ended by %s", outcome_describe(&outcome));
	}
}

/* --- all of them ------------------------------------------------------------------------- */

static void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	/* A socket's path has 107 bytes. */
	if (tmp == NULL || strlen(tmp) > 20)
		tmp = "/tmp";
	snprintf(dir, sizeof dir, "%s/torture-XXXXXX", tmp);
	assert_non_null(mkdtemp(dir));
}

static void
remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void
nothing_that_threads_and_children_do_at_once_breaks_anything(void **state)
{
	uint64_t seed = number_from("TORTURE_SEED", (uint64_t)time(NULL));
	uint64_t nrounds = number_from("TORTURE_ROUNDS", UINT64_MAX), i;
	time_t end = time(NULL) +
		     (time_t)number_from("TORTURE_SECONDS", SECONDS);

	(void)state;
	print_message("# TORTURE_SEED=%llu\n", (unsigned long long)seed);
	make_dir();
	for (i = 0; i < nrounds; i++) {
		if (nrounds == UINT64_MAX && time(NULL) >= end)
			break;
		run_round(seed + i);
	}
	remove_dir();
	print_message("# %llu rounds\n", (unsigned long long)i);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			nothing_that_threads_and_children_do_at_once_breaks_anything),
	};

	if (argc == 3 && strcmp(argv[1], "--round") == 0) {
		must_run_on_library();
		return round_run(strtoull(argv[2], NULL, 10), ROUND_MS);
	}
	if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
