/*
 * hooks.c -- see hooks.h.
 */
#include "hooks.h"
#include "../os/os.h"
#include "pagepool.h"

_Thread_local uint16_t hooks_depth TLS_INITIAL_EXEC;

static size_t
chunks_of(size_t bytes)
{
	return bytes / CHUNK_BYTES + (bytes % CHUNK_BYTES != 0);
}

/* The record of the chunks at addr, or NULL where not all of them are lent. */
static struct chunk *
find_lent(const void *addr, size_t count)
{
	const struct region *r = region_find(addr);
	struct chunk *c;

	if (r == NULL || ((uintptr_t)addr & (CHUNK_BYTES - 1)) != 0)
		return NULL;
	c = region_chunk(r, addr);
	if (count > region_npages(r) / CHUNK_NPAGES - (size_t)(c - r->chunks))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!c[i].is_lent)
			return NULL;
	}
	return c;
}

/* --- those of ours ------------------------------------------------------------ */

/* True where all of it reads as zero now. */
static bool
lend(struct chunk *c)
{
	c->is_lent = true;
	if (c->ndirty > 0 && os_purge(c->base, CHUNK_BYTES))
		chunk_clean(c);
	return c->ndirty == 0;
}

static void *
default_alloc(struct extent_hooks *h UNUSED, void *new_addr, size_t bytes,
	      size_t alignment, bool *zero, bool *commit, unsigned arena UNUSED)
{
	bool is_zero = true;
	struct chunk *c;

	/* Whoever wants a certain place wants what cannot be promised. */
	if (new_addr != NULL || bytes == 0 || bytes > REQUEST_MAX ||
	    !is_power_of_two(alignment))
		return NULL;
	c = pagepool_take(chunks_of(bytes), max_size(alignment, CHUNK_BYTES));
	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < chunks_of(bytes); i++)
		is_zero &= lend(&c[i]);
	if (!is_zero && *zero)
		__builtin_memset(c->base, 0, bytes);
	*zero |= is_zero;
	*commit = true;
	return c->base;
}

static bool
default_dalloc(struct extent_hooks *h UNUSED, void *addr, size_t bytes,
	       bool committed UNUSED, unsigned arena UNUSED)
{
	size_t count = chunks_of(bytes);
	struct chunk *c = find_lent(addr, count);

	if (c == NULL || count == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		c[i].is_lent = false;
		if (pagepool_put_anew(&c[i]))
			continue;
		/* Nobody may get it with the advice that it has. Out of
		 * mappings its address is lost, but not its memory. */
		c[i].is_lent = true;
		os_purge(c[i].base, CHUNK_BYTES);
	}
	return false;
}

static void
default_destroy(struct extent_hooks *h, void *addr, size_t bytes,
		bool committed, unsigned arena)
{
	default_dalloc(h, addr, bytes, committed, arena);
}

/* It is so already. */
static bool
default_commit(struct extent_hooks *h UNUSED, void *addr UNUSED,
	       size_t bytes UNUSED, size_t offset UNUSED, size_t length UNUSED,
	       unsigned arena UNUSED)
{
	return false;
}

static bool
default_refuse(struct extent_hooks *h UNUSED, void *addr UNUSED,
	       size_t bytes UNUSED, size_t offset UNUSED, size_t length UNUSED,
	       unsigned arena UNUSED)
{
	return true;
}

/* Of memory that the program holds by default_alloc. */
static bool
default_purge(struct extent_hooks *h UNUSED, void *addr, size_t bytes,
	      size_t offset, size_t length, unsigned arena UNUSED)
{
	char *at = (char *)addr + offset;

	if (find_lent(addr, chunks_of(bytes)) == NULL || offset > bytes ||
	    length > bytes - offset || ((uintptr_t)at | length) % PAGE_BYTES)
		return true;
	return !os_purge(at, length);
}

/* Chunks stand alone: there is nothing to be done. */
static bool
default_split(struct extent_hooks *h UNUSED, void *addr UNUSED,
	      size_t bytes UNUSED, size_t bytes_a UNUSED, size_t bytes_b UNUSED,
	      bool committed UNUSED, unsigned arena UNUSED)
{
	return false;
}

static bool
default_merge(struct extent_hooks *h UNUSED, void *addr_a UNUSED,
	      size_t bytes_a UNUSED, void *addr_b UNUSED, size_t bytes_b UNUSED,
	      bool committed UNUSED, unsigned arena UNUSED)
{
	return false;
}

const struct extent_hooks hooks_default = {
	.alloc = default_alloc,
	.dalloc = default_dalloc,
	.destroy = default_destroy,
	.commit = default_commit,
	.decommit = default_refuse,
	.purge_lazy = default_refuse,
	.purge_forced = default_purge,
	.split = default_split,
	.merge = default_merge,
};

/* --- those of the program's ----------------------------------------------------- */

/* The program wrote to it. */
static void
soil(struct chunk *c)
{
	chunk_take(c, 0, CHUNK_NPAGES);
	chunk_give(c, 0, CHUNK_NPAGES);
}

static void *
call_alloc(struct extent_hooks *h, unsigned arena, size_t bytes,
	   size_t alignment, bool *zero)
{
	bool commit = true;
	void *addr;

	hooks_depth++;
	addr = h->alloc(h, NULL, bytes, alignment, zero, &commit, arena);
	hooks_depth--;
	return addr;
}

/* True where the function took it. */
static bool
call_dalloc(struct extent_hooks *h, unsigned arena, void *addr, size_t bytes)
{
	bool is_refused = true;

	hooks_depth++;
	if (h->dalloc != NULL)
		is_refused = h->dalloc(h, addr, bytes, true, arena);
	hooks_depth--;
	return !is_refused;
}

static void
call_destroy(struct extent_hooks *h, unsigned arena, void *addr, size_t bytes)
{
	hooks_depth++;
	(h->destroy != NULL ? h->destroy : default_destroy)(h, addr, bytes,
							    true, arena);
	hooks_depth--;
}

struct chunk *
hooks_take(struct extent_hooks *h, unsigned arena, size_t count,
	   size_t alignment)
{
	bool zero = false;
	size_t bytes = count * CHUNK_BYTES;
	struct chunk *c;
	void *addr;

	addr = call_alloc(h, arena, bytes, alignment, &zero);
	if (addr == NULL)
		return NULL;
	c = find_lent(addr, count);
	if (c == NULL || ((uintptr_t)addr & (alignment - 1)) != 0) {
		call_dalloc(h, arena, addr, bytes);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!zero)
			soil(&c[i]);
		c[i].is_lent = false;
	}
	return c;
}

void
hooks_give(struct extent_hooks *h, unsigned arena, struct chunk *c)
{
	c->is_lent = true;
	/* As jemalloc: what is refused is destroyed. */
	if (!call_dalloc(h, arena, c->base, CHUNK_BYTES))
		call_destroy(h, arena, c->base, CHUNK_BYTES);
}
