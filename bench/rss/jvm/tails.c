/*
 * tails.c -- native code whose blocks have long-tailed lifetimes.
 *
 * A request allocates a few dozen blocks of 16 bytes to 8 KiB, writes them, and
 * frees three in four before it returns. Each of the others gets a lifetime in
 * requests, most short, some very long (a Pareto distribution), and is freed by
 * the thread whose request comes when it is over: sessions, caches, statements.
 *
 * Above   Native.java
 * Lock    none: a bucket is a stack that is pushed to, and taken as a whole
 * Always  a block that waits is on the bucket of the request that will free it
 */
#include <jni.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
	NBLOCKS = 32, /* of a request */
	KEPT_OF_4 = 1,
	MIN_BLOCK = 16, /* holds struct tail */
	MAX_BLOCK = 8 * KIB,
	NSIZES = 1024,     /* a power of two */
	NBUCKETS = 1 << 19 /* a power of two, above the longest lifetime */
};

/* Lifetimes are LIFE_SCALE * u^(-1/LIFE_SHAPE) requests, u uniform in (0, 1]:
 * the median is 3 times the scale, one in a hundred lives 700 times as long. */
#define LIFE_SCALE 100.0
#define LIFE_SHAPE 0.7

/* A block that waits for its end. */
struct tail {
	struct tail *next;
	size_t size;
};

static _Atomic(struct tail *) buckets[NBUCKETS];
static atomic_ulong nrequests;
static atomic_ulong asked_bytes, freed_bytes;
static uint32_t sizes[NSIZES], lifetimes[NSIZES];

static void
free_bucket(unsigned long when)
{
	/* Takes what others have written to; see leave(). */
	struct tail *t = atomic_exchange(&buckets[when & (NBUCKETS - 1)], NULL);
	size_t bytes = 0;

	while (t != NULL) {
		struct tail *next = t->next;

		bytes += t->size;
		free(t);
		t = next;
	}
	/* Relaxed: a sum, read when the threads are done. */
	atomic_fetch_add_explicit(&freed_bytes, bytes, memory_order_relaxed);
}

/*
 * Leaves a block to the request number `when`. Sequentially consistent: either
 * that request finds the block on its bucket, or its number is seen here, and
 * the bucket that it will not look at again is freed. (Threads that are
 * preempted within a request come that late.)
 */
static void
leave(struct tail *t, unsigned long when)
{
	_Atomic(struct tail *) *head = &buckets[when & (NBUCKETS - 1)];

	t->next = atomic_load(head);
	while (!atomic_compare_exchange_weak(head, &t->next, t))
		continue;
	if (atomic_load(&nrequests) > when)
		free_bucket(when);
}

static struct tail *
make_block(struct bench_random *random)
{
	size_t size = sizes[bench_random_below(random, NSIZES)];
	struct tail *t = malloc(size);

	if (t == NULL)
		abort();
	memset(t, 1, size);
	t->size = size;
	return t;
}

JNIEXPORT void JNICALL
Java_Native_request(JNIEnv *env, jclass class, jlong seed)
{
	struct bench_random random = { (uint64_t)seed | 1 };
	struct tail *blocks[NBLOCKS];
	size_t asked = 0, freed = 0;
	unsigned long now = atomic_fetch_add(&nrequests, 1);

	(void)env;
	(void)class;
	free_bucket(now);
	for (int i = 0; i < NBLOCKS; i++) {
		blocks[i] = make_block(&random);
		asked += blocks[i]->size;
	}
	for (int i = 0; i < NBLOCKS; i++) {
		uint32_t draw = bench_random_below(&random, NSIZES);

		if (bench_random_below(&random, 4) < KEPT_OF_4) {
			leave(blocks[i], now + lifetimes[draw]);
			continue;
		}
		freed += blocks[i]->size;
		free(blocks[i]);
	}
	/* Relaxed: sums, read when the threads are done. */
	atomic_fetch_add_explicit(&asked_bytes, asked, memory_order_relaxed);
	atomic_fetch_add_explicit(&freed_bytes, freed, memory_order_relaxed);
}

JNIEXPORT void JNICALL
Java_Native_release(JNIEnv *env, jclass class)
{
	(void)env;
	(void)class;
	for (unsigned long i = 0; i < NBUCKETS; i++)
		free_bucket(i);
}

JNIEXPORT jlong JNICALL
Java_Native_askedBytes(JNIEnv *env, jclass class)
{
	(void)env;
	(void)class;
	/* Relaxed: the threads are done, and were waited for. */
	return (jlong)atomic_load_explicit(&asked_bytes, memory_order_relaxed);
}

JNIEXPORT jlong JNICALL
Java_Native_liveBytes(JNIEnv *env, jclass class)
{
	unsigned long freed = atomic_load_explicit(&freed_bytes,
						   memory_order_relaxed);

	return Java_Native_askedBytes(env, class) - (jlong)freed;
}

JNIEXPORT jint JNICALL
JNI_OnLoad(JavaVM *vm, void *reserved)
{
	double ratio = (double)MAX_BLOCK / MIN_BLOCK;

	(void)vm;
	(void)reserved;
	/* Resident before the load begins. */
	for (int i = 0; i < NBUCKETS; i++)
		atomic_init(&buckets[i], NULL);
	for (int i = 0; i < NSIZES; i++) {
		double part = (double)(i + 1) / NSIZES;
		double life = LIFE_SCALE * pow(part, -1 / LIFE_SHAPE);

		sizes[i] = (uint32_t)(MIN_BLOCK * pow(ratio, part));
		lifetimes[i] = (uint32_t)fmin(life, NBUCKETS - 1);
	}
	return JNI_VERSION_1_8;
}
