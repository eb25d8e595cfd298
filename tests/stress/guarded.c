/*
 * guarded.c -- threads take and free guarded blocks, some of them each other's,
 * while caches are closed for bursts and statistics are taken: no two threads
 * have the same block, and no slot is lost.
 */
#include "base/options.h"
#include "cache/floor.h"
#include "cache/sample.h"

#define NTHREADS 4u
#define NROUNDS  4000u
#define NSLOTS   24u

/* A place where a thread leaves a block for whoever comes next. */
static _Atomic(char *) left_behind[8];

static _Atomic bool is_over;

static void
stamp(char *p, size_t n, unsigned char who)
{
	must(is_all(p, 0, n));
	memset(p, who, n);
}

/* The thread's own stamp is still there: nobody else has the block. */
static void
check(const char *p, unsigned char who)
{
	size_t n = guard_bytes(p);

	must(n > 0 && is_all(p, who, n));
}

static void
take_guarded(unsigned char who, uint64_t *luck)
{
	size_t n = 1 + random_next(luck) % 9000;
	char *p = guard_alloc(n, 16), *other;

	if (p == NULL)
		return;
	stamp(p, n, who);
	check(p, who);
	other = atomic_exchange(&left_behind[random_next(luck) % 8], p);
	if (other != NULL)
		must(guard_free(other) == GUARD_GONE);
}

static void *
worker(void *arg)
{
	unsigned char who = (unsigned char)(uintptr_t)arg;
	uint64_t luck = who;

	for (unsigned i = 0; i < NROUNDS; i++) {
		unsigned cls = 1 + (unsigned)(random_next(&luck) % 20);
		void *p = block_alloc(cls);

		must(p != NULL);
		if (sample_take(cls) || i % 8 == 0)
			take_guarded(who, &luck);
		block_free(p, cls);
	}
	return NULL;
}

static void *
looker(void *arg)
{
	struct guard_stats s;

	(void)arg;
	while (!atomic_load(&is_over)) {
		sample_arm();
		guard_stats(&s);
		must(s.nlive <= NSLOTS / 2 && s.nerrors == 0);
		os_yield();
	}
	return NULL;
}

static void
guarded_blocks_are_one_thread_s_at_a_time(void)
{
	pthread_t threads[NTHREADS + 1];
	struct guard_stats s;

	thread_boot();
	must(options_set("guarded", 3) && guard_boot(NSLOTS));
	pthread_create(&threads[NTHREADS], NULL, looker, NULL);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, worker, (void *)(i + 1));
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&is_over, true);
	pthread_join(threads[NTHREADS], NULL);
	for (unsigned i = 0; i < 8; i++) {
		if (left_behind[i] != NULL)
			must(guard_free(left_behind[i]) == GUARD_GONE);
	}
	guard_stats(&s);
	must(s.nsampled > 100 && s.nlive == 0 && s.bytes == 0);
	/* All slots are there. */
	for (unsigned i = 0; i < NSLOTS / 2; i++)
		must(guard_alloc(10, 16) != NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(guarded_blocks_are_one_thread_s_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
