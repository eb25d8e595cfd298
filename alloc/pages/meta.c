/*
 * meta.c -- see meta.h.
 */
#include "meta.h"
#include "../base/check.h"
#include "../os/guarded.h"
#include "../os/lock.h"
#include "../os/memory.h"

/* One mapping serves thousands of slabs; untouched pages of it cost nothing. */
#define BLOCK_BYTES (1 * MIB)

/* The beginning of each block; older ones follow. */
struct block {
	struct block *next;
};

static_assert(sizeof(struct block) <= META_MIN_BYTES, "it is a record itself");

/* Powers of two, and the sizes half-way between. */
#define NSIZES 21

/* A free record holds the next one of its size. */
struct idle {
	struct idle *next;
};

static struct {
	struct lock lock;
	char *at, *end;
	struct idle *idle[NSIZES];
	size_t carved, idle_bytes;
	_Atomic(struct block *) blocks;
} meta;

static_assert(META_MIN_BYTES << (NSIZES / 2) == META_MAX_BYTES,
	      "two lists for each power of two but the last");

/* 64, 96, 128, 192, ... */
static size_t
index_bytes(unsigned index)
{
	size_t power = META_MIN_BYTES << (index / 2);

	return index % 2 == 0 ? power : power + power / 2;
}

/* The list of the least size that holds `bytes`. */
static unsigned
size_index(size_t bytes)
{
	unsigned power;

	if (bytes <= META_MIN_BYTES)
		return 0;
	/* Of the power of two that is below `bytes`. */
	power = 2 * (log2_floor(bytes - 1) - log2_floor(META_MIN_BYTES));
	return bytes <= index_bytes(power + 1) ? power + 1 : power + 2;
}

/* A new mapping; the rest of the old one, less than a record, stays unused. */
static bool
refill_locked(void)
{
	char *block = os_map_guarded(BLOCK_BYTES);

	if (block == NULL)
		return false;
	meta.at = block + META_MIN_BYTES;
	meta.end = block + BLOCK_BYTES;
	*(struct block *)(void *)block = (struct block){ atomic_load_explicit(
		&meta.blocks, memory_order_relaxed) };
	/* Release: pairs with the acquires in meta_resident(), meta_owns(). */
	atomic_store_explicit(&meta.blocks, (struct block *)(void *)block,
			      memory_order_release);
	return true;
}

/* Bytes in front of the next record of a size. */
static size_t
gap_locked(size_t bytes)
{
	size_t alignment = min_size(bytes & -bytes, PAGE_BYTES);

	return align_up((uintptr_t)meta.at, alignment) - (uintptr_t)meta.at;
}

static bool
fits_locked(size_t bytes)
{
	return meta.at != NULL &&
	       gap_locked(bytes) + bytes <= (size_t)(meta.end - meta.at);
}

static void *
carve_locked(size_t bytes)
{
	char *record;

	if (!fits_locked(bytes) && !refill_locked())
		return NULL;
	record = meta.at + gap_locked(bytes);
	meta.at = record + bytes;
	meta.carved += bytes;
	return record;
}

static void
push_idle_locked(unsigned i, void *record)
{
	struct idle *r = record;

	r->next = meta.idle[i];
	meta.idle[i] = r;
	meta.idle_bytes += index_bytes(i);
}

static void *
pop_idle_locked(unsigned i)
{
	struct idle *r = meta.idle[i];

	if (r == NULL)
		return NULL;
	meta.idle[i] = r->next;
	meta.idle_bytes -= index_bytes(i);
	return r;
}

/*
 * The kernel gives no more: a larger idle record is cut into halves. The half
 * of a size lies two lists below it.
 */
static void *
split_locked(unsigned i)
{
	unsigned larger = i + 2;
	char *r = NULL;

	while (larger < NSIZES && (r = pop_idle_locked(larger)) == NULL)
		larger += 2;
	if (r == NULL)
		return NULL;
	while (larger > i) {
		larger -= 2;
		push_idle_locked(larger, r + index_bytes(larger));
	}
	return r;
}

void *
meta_alloc(size_t bytes)
{
	unsigned i = size_index(bytes);
	void *r;

	invariant(bytes <= META_MAX_BYTES);
	lock_take(&meta.lock, LOCK_META);
	r = pop_idle_locked(i);
	if (r == NULL)
		r = carve_locked(index_bytes(i));
	if (r == NULL)
		r = split_locked(i);
	lock_drop(&meta.lock, LOCK_META);
	return r;
}

void
meta_free(void *record, size_t bytes)
{
	lock_take(&meta.lock, LOCK_META);
	push_idle_locked(size_index(bytes), record);
	lock_drop(&meta.lock, LOCK_META);
}

void
meta_usage(size_t *carved, size_t *idle)
{
	lock_take(&meta.lock, LOCK_META);
	*carved = meta.carved;
	*idle = meta.idle_bytes;
	lock_drop(&meta.lock, LOCK_META);
}

size_t
meta_resident(void)
{
	/* Acquire: pairs with the release in refill_locked(). */
	const struct block *b = atomic_load_explicit(&meta.blocks,
						     memory_order_acquire);
	size_t bytes = 0;

	for (; b != NULL; b = b->next)
		bytes += os_bytes_in_core(b, BLOCK_BYTES);
	return bytes;
}

bool
meta_owns(const void *p)
{
	/* Acquire: as above. */
	const struct block *b = atomic_load_explicit(&meta.blocks,
						     memory_order_acquire);

	while (b != NULL && (uintptr_t)p - (uintptr_t)b >= BLOCK_BYTES)
		b = b->next;
	return b != NULL;
}

void
meta_lock(void)
{
	lock_take(&meta.lock, LOCK_META);
}

void
meta_unlock(void)
{
	lock_drop(&meta.lock, LOCK_META);
}
