/*
 * habits.c -- what <malloc.h> and <stdlib.h> do in cases where allocators
 * differ, as lines "name value": glibc.py compares them with what the manual
 * page for those who come from glibc says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 4000, BLOCK_BYTES = 8192 };

static void
say(const char *name, long value)
{
	printf("%s %ld\n", name, value);
}

static void
say_sizes(void)
{
	void *p = malloc(0);

	say("malloc(0) is a block", p != NULL);
	say("realloc(p, 0) is a block", realloc(p, 0) != NULL);
	p = malloc(1000);
	say("usable size of 1000", (long)malloc_usable_size(p));
	free(p);
	p = malloc(24);
	say("usable size of 24", (long)malloc_usable_size(p));
	say("alignment of 24 is 16", (uintptr_t)p % 16 == 0);
	free(p);
}

static void
say_errors(void)
{
	/* Compilers refuse what they see to be wrong. */
	volatile size_t huge = (size_t)PTRDIFF_MAX + 1, odd = 24;
	void *p;

	errno = 0;
	p = malloc(huge);
	say("errno above PTRDIFF_MAX", p == NULL ? errno : 0);
	errno = 0;
	p = calloc(huge, 4);
	say("errno of a product that overflows", p == NULL ? errno : 0);
	p = memalign(odd, 100);
	say("memalign(24) is aligned to 32", (uintptr_t)p % 32 == 0);
	free(p);
	errno = 0;
	p = aligned_alloc(odd, 96);
	say("aligned_alloc(24) fails with", p == NULL ? errno : 0);
	free(p);
	say("posix_memalign(24)", posix_memalign(&p, odd, 1));
	p = malloc(10);
	errno = 77;
	free(p);
	say("errno after free", errno);
	say("malloc_info(1)", malloc_info(1, stdout));
}

static void
say_mallopt(void)
{
	static const struct {
		const char *name;
		int number;
	} all[] = {
		{ "M_MXFAST", M_MXFAST },
		{ "M_TRIM_THRESHOLD", M_TRIM_THRESHOLD },
		{ "M_TOP_PAD", M_TOP_PAD },
		{ "M_MMAP_THRESHOLD", M_MMAP_THRESHOLD },
		{ "M_MMAP_MAX", M_MMAP_MAX },
		{ "M_CHECK_ACTION", M_CHECK_ACTION },
		{ "M_PERTURB", M_PERTURB },
		{ "M_ARENA_TEST", M_ARENA_TEST },
		{ "M_ARENA_MAX", M_ARENA_MAX },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		printf("mallopt(%s) %d\n", all[i].name,
		       mallopt(all[i].number, 1));
	say("mallopt(unknown)", mallopt(-99, 1));
}

static void *
hold(void *blocks)
{
	char **v = blocks;

	for (int i = 0; i < BLOCKS; i++) {
		v[i] = malloc(BLOCK_BYTES);
		if (v[i] != NULL)
			memset(v[i], 1, BLOCK_BYTES);
	}
	return NULL;
}

/* 32 MB in a second thread's hands, then freed but for the last block. */
static void
say_statistics(void)
{
	static char *blocks[BLOCKS];
	struct mallinfo2 held, freed;
	void *top = sbrk(0);
	pthread_t thread;

	hold(blocks);
	say("the heap's top moves", sbrk(0) != top);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	if (pthread_create(&thread, NULL, hold, blocks) != 0)
		return;
	pthread_join(thread, NULL);
	held = mallinfo2();
	for (int i = 0; i < BLOCKS - 1; i++)
		free(blocks[i]);
	freed = mallinfo2();
	say("uordblks falls by what is freed",
	    held.uordblks - freed.uordblks >= 32000000);
	say("fordblks grows by what is freed",
	    freed.fordblks >= held.fordblks + 31000000);
	say("malloc_trim gives something back", malloc_trim(0));
	say("hblks", (long)held.hblks);
}

static long
status_kib(const char *name)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[200];
	long value = 0;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = atol(line + strlen(name) + 1);
	if (status != NULL)
		fclose(status);
	return value;
}

int
main(int argc, char **argv)
{
	if (argc > 1) {
		void *p = malloc(strlen(argv[1]));

		free(p);
		free(p);
		return 0;
	}
	say("__malloc_hook", dlsym(RTLD_DEFAULT, "__malloc_hook") != NULL);
	say_sizes();
	say_errors();
	say_mallopt();
	say_statistics();
	say("VmSize in GiB", status_kib("VmSize:") >> 20);
	return 0;
}
