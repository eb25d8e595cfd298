/*
 * recorder.c -- counts the sizes and lifetimes of a running program's blocks.
 *
 * Preloaded into a JVM by `record`. Every call goes on to glibc's malloc. A
 * block's lifetime is the number of allocations that the whole process made
 * between its birth and its death, so that a benchmark can replay it at any
 * speed. realloc counts as the death of a block and the birth of another.
 *
 * At the program's end, RECORD_FILE.<pid> gets one line per size:
 *   size count lifetime_0 ... lifetime_11 never_freed
 * lifetime_k counts those that died within [4^k, 4^(k+1)) allocations.
 *
 * Always  calls nothing that allocates; its own memory is static
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXACT_BYTES = 65536, /* sizes up to here are counted one by one */
	STEPS = 8,           /* per doubling above */
	NLARGE = 24 * STEPS,
	NSIZES = EXACT_BYTES + 1 + NLARGE,
	NLIFETIMES = 12,
	NEVER = NLIFETIMES,
	/* A table of live blocks, split so that threads seldom meet. */
	NSHARDS = 1024,
	SHARD_SLOTS = 4096,
};

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t nmemb, size_t bytes);
extern void *__libc_realloc(void *block, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *block);

void *memalign(size_t alignment, size_t bytes);

struct live {
	uintptr_t block; /* 0: free slot */
	uint32_t born, size_index;
};

static struct shard {
	atomic_flag busy;
	struct live slots[SHARD_SLOTS];
} shards[NSHARDS];

static _Atomic uint32_t counts[NSIZES][NLIFETIMES + 1];
static _Atomic uint64_t bytes_of_large[NLARGE];
static _Atomic uint32_t now;   /* allocations so far */
static _Atomic uint32_t nlost; /* blocks that found their shard full */

static unsigned int
log2_floor(uint64_t value)
{
	return 63U - (unsigned int)__builtin_clzll(value);
}

static uint32_t
size_index(size_t size)
{
	unsigned int octave, step;

	if (size <= EXACT_BYTES)
		return (uint32_t)size;
	octave = log2_floor(size);
	step = (unsigned int)((size >> (octave - 3)) & (STEPS - 1));
	octave -= log2_floor(EXACT_BYTES);
	if (octave >= NLARGE / STEPS)
		return NSIZES - 1;
	return EXACT_BYTES + 1 + octave * STEPS + step;
}

static unsigned int
lifetime_index(uint32_t lifetime)
{
	unsigned int index = lifetime ? log2_floor(lifetime) / 2 : 0;

	return index < NLIFETIMES ? index : NLIFETIMES - 1;
}

static struct shard *
shard_lock(const void *block, uint32_t *start)
{
	uint64_t hash = ((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15ULL;
	struct shard *shard = &shards[hash >> 54];

	*start = (uint32_t)(hash >> 32) % SHARD_SLOTS;
	/* Acquire: pairs with the release in shard_unlock(). */
	while (atomic_flag_test_and_set_explicit(&shard->busy,
						 memory_order_acquire))
		sched_yield();
	return shard;
}

static void
shard_unlock(struct shard *shard)
{
	atomic_flag_clear_explicit(&shard->busy, memory_order_release);
}

static void
count(uint32_t index, unsigned int lifetime)
{
	/* Relaxed, here and below: counters, read at the end. */
	atomic_fetch_add_explicit(&counts[index][lifetime], 1,
				  memory_order_relaxed);
}

static void
record_birth(const void *block, size_t size)
{
	uint32_t start, index = size_index(size);
	uint32_t born = atomic_fetch_add_explicit(&now, 1,
						  memory_order_relaxed);
	struct shard *shard;
	uint32_t i;

	if (!block)
		return;
	if (index > EXACT_BYTES)
		atomic_fetch_add_explicit(
			&bytes_of_large[index - EXACT_BYTES - 1], size,
			memory_order_relaxed);
	shard = shard_lock(block, &start);
	for (i = 0; i < SHARD_SLOTS; i++) {
		struct live *slot = &shard->slots[(start + i) % SHARD_SLOTS];

		if (slot->block > 1)
			continue;
		*slot = (struct live){ (uintptr_t)block, born, index };
		break;
	}
	shard_unlock(shard);
	if (i == SHARD_SLOTS)
		atomic_fetch_add_explicit(&nlost, 1, memory_order_relaxed);
}

/* A block of 1 marks a slot that was used: searches go on behind it. */
static void
record_death(const void *block)
{
	uint32_t start, index = 0;
	uint32_t lifetime = atomic_load_explicit(&now, memory_order_relaxed);
	struct shard *shard = shard_lock(block, &start);
	int found = 0;

	for (uint32_t i = 0; i < SHARD_SLOTS && !found; i++) {
		struct live *slot = &shard->slots[(start + i) % SHARD_SLOTS];

		if (slot->block == 0)
			break;
		if (slot->block != (uintptr_t)block)
			continue;
		index = slot->size_index;
		lifetime -= slot->born;
		slot->block = 1;
		found = 1;
	}
	shard_unlock(shard);
	if (found)
		count(index, lifetime_index(lifetime));
}

void *
malloc(size_t bytes)
{
	void *block = __libc_malloc(bytes);

	record_birth(block, bytes);
	return block;
}

void *
calloc(size_t nmemb, size_t bytes)
{
	void *block = __libc_calloc(nmemb, bytes);

	record_birth(block, nmemb * bytes);
	return block;
}

void
free(void *block)
{
	if (!block)
		return;
	record_death(block);
	__libc_free(block);
}

void *
realloc(void *block, size_t bytes)
{
	void *moved;

	/* Before the call: afterwards the address may be another's. */
	if (block)
		record_death(block);
	moved = __libc_realloc(block, bytes);
	record_birth(moved, bytes);
	return moved;
}

void *
memalign(size_t alignment, size_t bytes)
{
	void *block = __libc_memalign(alignment, bytes);

	record_birth(block, bytes);
	return block;
}

void *
aligned_alloc(size_t alignment, size_t bytes)
{
	return memalign(alignment, bytes);
}

int
posix_memalign(void **result, size_t alignment, size_t bytes)
{
	void *block = memalign(alignment, bytes);

	if (!block)
		return ENOMEM;
	*result = block;
	return 0;
}

static void
count_survivors(void)
{
	for (uint32_t i = 0; i < NSHARDS; i++)
		for (uint32_t j = 0; j < SHARD_SLOTS; j++)
			if (shards[i].slots[j].block > 1)
				count(shards[i].slots[j].size_index, NEVER);
}

static uint64_t
size_of_index(uint32_t index, uint64_t total)
{
	if (index <= EXACT_BYTES)
		return index;
	return atomic_load_explicit(&bytes_of_large[index - EXACT_BYTES - 1],
				    memory_order_relaxed) /
	       total;
}

static void
write_size(int fd, uint32_t index)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i <= NEVER; i++)
		total += atomic_load_explicit(&counts[index][i],
					      memory_order_relaxed);
	if (total == 0)
		return;
	dprintf(fd, "%llu %llu",
		(unsigned long long)size_of_index(index, total),
		(unsigned long long)total);
	for (unsigned int i = 0; i <= NEVER; i++)
		dprintf(fd, " %u",
			atomic_load_explicit(&counts[index][i],
					     memory_order_relaxed));
	dprintf(fd, "\n");
}

__attribute__((destructor)) static void
write_record(void)
{
	const char *prefix = getenv("RECORD_FILE");
	char name[512];
	int fd;

	if (!prefix)
		return;
	snprintf(name, sizeof(name), "%s.%d", prefix, (int)getpid());
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	count_survivors();
	for (uint32_t index = 0; index < NSIZES; index++)
		write_size(fd, index);
	dprintf(fd, "# lost %u\n",
		atomic_load_explicit(&nlost, memory_order_relaxed));
	close(fd);
}
