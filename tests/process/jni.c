/*
 * jni.c -- libtrimalloc_jni.so: a heap beside the process's malloc, loaded by
 * dlopen into a process that is up and has threads.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "library.h"
#include "memory.h"
#include "spawn.h"

/* Function types as in <malloc.h>; the names are looked up, never linked. */
static struct {
	void *handle;
	const char *(*version)(void);
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*reallocarray)(void *, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void (*free)(void *);
	void (*free_sized)(void *, size_t);
	void (*free_aligned_sized)(void *, size_t, size_t);
	size_t (*usable_size)(void *);
	int (*trim)(size_t);
	struct mallinfo2 (*mallinfo2)(void);
} tri;

static void *
look_up(const char *name)
{
	void *address = dlsym(tri.handle, name);

	expect_for(address != NULL, "%s", name);
	expect_for(is_in_jni_library(address), "%s", name);
	return address;
}

#define LOOK_UP(member, name) (*(void **)(void *)&tri.member = look_up(name))

static void
load(int flags)
{
	tri.handle = dlopen(jni_library_path(), RTLD_NOW | flags);
	expect_for(tri.handle != NULL, "%s", dlerror());
	LOOK_UP(version, "tri_version");
	LOOK_UP(malloc, "tri_malloc");
	LOOK_UP(calloc, "tri_calloc");
	LOOK_UP(realloc, "tri_realloc");
	LOOK_UP(reallocarray, "tri_reallocarray");
	LOOK_UP(aligned_alloc, "tri_aligned_alloc");
	LOOK_UP(posix_memalign, "tri_posix_memalign");
	LOOK_UP(memalign, "tri_memalign");
	LOOK_UP(free, "tri_free");
	LOOK_UP(free_sized, "tri_free_sized");
	LOOK_UP(free_aligned_sized, "tri_free_aligned_sized");
	LOOK_UP(usable_size, "tri_malloc_usable_size");
	LOOK_UP(trim, "tri_malloc_trim");
	LOOK_UP(mallinfo2, "tri_mallinfo2");
}

/* --- one heap -------------------------------------------------------------------- */

static void
use_one_size(size_t n)
{
	void *p = tri.malloc(n), *q = tri.calloc(1, n), *v = NULL;

	expect(p != NULL && is_aligned(p, ALIGNMENT) &&
	       tri.usable_size(p) >= n);
	expect(q != NULL && zero_check(q, n) == n);
	expect(tri.posix_memalign(&v, 256, n) == 0 && is_aligned(v, 256));
	pattern_fill(p, n, n);
	p = tri.realloc(p, 2 * n + 1);
	expect(p != NULL && pattern_check(p, n, n) == n);
	q = tri.reallocarray(q, n + 1, 3);
	expect(q != NULL && tri.usable_size(q) >= 3 * (n + 1));
	tri.free(p);
	tri.free(q);
	tri.free(v);
	tri.free_sized(tri.malloc(n), n);
	tri.free_aligned_sized(tri.aligned_alloc(64, n), 64, n);
}

static void
use_every_function(void)
{
	for_each_size(n, 4 * MIB) use_one_size(n);
	errno = 0;
	expect(tri.malloc(SIZE_MAX) == NULL && errno == ENOMEM);
	tri.free(NULL);
	tri.trim(0);
	expect(strlen(tri.version()) > 0);
}

static void
its_functions_work_in_a_process_on_another_malloc(void)
{
	load(RTLD_LOCAL);
	use_every_function();
}

static void
its_functions_work_when_loaded_for_all_to_see(void)
{
	load(RTLD_GLOBAL);
	use_every_function();
	/* It takes nobody's malloc away. */
	expect(!is_in_jni_library(dlsym(RTLD_DEFAULT, "malloc")));
	expect(!is_in_jni_library(dlsym(RTLD_DEFAULT, "free")));
}

static void
its_functions_work_in_a_process_on_the_preloaded_library(void)
{
	void *theirs = malloc(hide_size(1000));
	size_t usable = malloc_usable_size(theirs);

	load(RTLD_LOCAL);
	pattern_fill(theirs, usable, 1);
	use_every_function();
	expect(pattern_check(theirs, usable, 1) == usable);
	free(theirs);
}

/* Blocks of both, interleaved: neither writes into the other's. */
static void
both_heaps_live_side_by_side(void)
{
	enum { N = 2000 };
	static void *ours[N], *theirs[N];

	load(RTLD_LOCAL);
	for (size_t i = 0; i < N; i++) {
		ours[i] = tri.malloc(i);
		theirs[i] = malloc(i);
		pattern_fill(ours[i], i, i);
		pattern_fill(theirs[i], i, i + N);
	}
	for (size_t i = 0; i < N; i++) {
		expect(pattern_check(ours[i], i, i) == i);
		expect(pattern_check(theirs[i], i, i + N) == i);
		tri.free(ours[i]);
		free(theirs[i]);
	}
}

static void
its_counters_count_its_own_blocks_only(void)
{
	size_t before, during;
	void *ours, *theirs;

	load(RTLD_LOCAL);
	before = tri.mallinfo2().uordblks;
	theirs = malloc(hide_size(3 * MIB));
	expect(tri.mallinfo2().uordblks == before);
	ours = tri.malloc(3 * MIB);
	during = tri.mallinfo2().uordblks;
	expect_for(during - before >= 3 * MIB && during - before < 4 * MIB,
		   "%zu", during - before);
	tri.free(ours);
	free(theirs);
}

/* --- threads ------------------------------------------------------------------------ */

static pthread_barrier_t barrier;

static void *
live_on_both_heaps(void *i)
{
	pthread_barrier_wait(&barrier);
	/* Loaded meanwhile: this thread's TLS was laid out before. */
	pthread_barrier_wait(&barrier);
	for (size_t n = 0; n < 200; n++) {
		use_one_size(n * (1 + (uintptr_t)i % 7));
		live_a_life(n, 10);
	}
	return NULL;
}

static void
threads_that_were_there_before_can_use_it(void)
{
	enum { N = 50 };
	pthread_t threads[N];

	expect(pthread_barrier_init(&barrier, NULL, N + 1) == 0);
	crowd_start(threads, N, live_on_both_heaps);
	pthread_barrier_wait(&barrier);
	load(RTLD_LOCAL);
	pthread_barrier_wait(&barrier);
	crowd_join(threads, N);
}

static void *
use_it_once(void *i)
{
	use_one_size((uintptr_t)i);
	return NULL;
}

/* Its code stays for the threads that end later, and for the next dlopen. */
static void
it_may_be_closed_while_threads_hold_blocks(void)
{
	void *p;

	load(RTLD_LOCAL);
	crowd_run(20, use_it_once);
	p = tri.malloc(1000);
	expect(dlclose(tri.handle) == 0);
	crowd_run(20, live_a_life_in_a_thread);
	load(RTLD_LOCAL);
	tri.free(p);
	crowd_run(20, use_it_once);
}

static pthread_barrier_t closed;

/* Before the library is closed, and after. */
static void *
outlive_its_closing(void *unused)
{
	void *p = tri.malloc(500);

	use_it_once(unused);
	pthread_barrier_wait(&closed);
	pthread_barrier_wait(&closed);
	tri.free(p);
	use_it_once(unused);
	return NULL;
}

static void
it_may_be_closed_while_threads_that_have_caches_live(void)
{
	enum { N = 20 };
	pthread_t threads[N];

	expect(pthread_barrier_init(&closed, NULL, N + 1) == 0);
	load(RTLD_LOCAL);
	crowd_start(threads, N, outlive_its_closing);
	pthread_barrier_wait(&closed);
	expect(dlclose(tri.handle) == 0);
	pthread_barrier_wait(&closed);
	crowd_join(threads, N);
}

static void *
use_it_for_ever(void *stop)
{
	for (size_t n = 0; !atomic_load((atomic_bool *)stop);
	     n = (n + 97) % 20000)
		use_one_size(n);
	return NULL;
}

static void
a_child_of_a_process_that_uses_it_can_use_it(void)
{
	atomic_bool stop = false;
	pthread_t threads[4];

	load(RTLD_LOCAL);
	for (int i = 0; i < 4; i++)
		threads[i] = crowd_start_one(use_it_for_ever, &stop);
	for (size_t i = 0; i < 100; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			alarm(20);
			use_one_size(i * 100);
			crowd_run(2, use_it_once);
			_exit(0);
		}
		expect(waitpid(pid, &status, 0) == pid);
		expect_for(status == 0, "status 0x%x", (unsigned)status);
	}
	atomic_store(&stop, true);
	crowd_join(threads, 4);
}

static void
a_block_of_the_process_s_malloc_is_not_taken(void)
{
	load(RTLD_LOCAL);
	tri.free(malloc(hide_size(100)));
}

/* --- static TLS ------------------------------------------------------------------------ */

static int
add_tls_bytes(struct dl_phdr_info *info, size_t size, void *bytes)
{
	(void)size;
	if (strstr(info->dlpi_name, "libtrimalloc") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)bytes += info->dlpi_phdr[i].p_memsz;
	}
	return 0;
}

/* What is left for libraries loaded late is some 1.6 KB for all of them. */
static void
each_library_takes_64_bytes_of_static_tls_at_most(void)
{
	size_t one = 0, both = 0;

	dl_iterate_phdr(add_tls_bytes, &one);
	expect_for(one > 0 && one <= 64, "%zu", one);
	load(RTLD_LOCAL);
	dl_iterate_phdr(add_tls_bytes, &both);
	expect_for(both > one && both - one <= 64, "%zu", both - one);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(its_functions_work_in_a_process_on_another_malloc,
		     .on_host = true),
		CASE(its_functions_work_when_loaded_for_all_to_see,
		     .on_host = true),
		CASE(its_functions_work_in_a_process_on_the_preloaded_library),
		CASE(both_heaps_live_side_by_side),
		CASE(its_counters_count_its_own_blocks_only, .on_host = true),
		CASE(threads_that_were_there_before_can_use_it,
		     .on_host = true),
		{ .name = "threads_that_were_there_before_can_use_it_beside_the_preloaded_library",
		  .run = threads_that_were_there_before_can_use_it },
		CASE(it_may_be_closed_while_threads_hold_blocks,
		     .on_host = true),
		CASE(it_may_be_closed_while_threads_that_have_caches_live,
		     .on_host = true),
		CASE(a_child_of_a_process_that_uses_it_can_use_it,
		     .on_host = true),
		{ .name = "a_child_can_use_it_beside_the_preloaded_library",
		  .run = a_child_of_a_process_that_uses_it_can_use_it },
		CASE(a_block_of_the_process_s_malloc_is_not_taken, .signal = 6,
		     .says = { "free\\(\\): 0x[0-9a-f]+ is not a pointer of this allocator \\(in a mapping of the program's\\)$" }),
		CASE(each_library_takes_64_bytes_of_static_tls_at_most),
	};

	return RUN_CASES(argc, argv, cases);
}
