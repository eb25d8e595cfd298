/*
 * chunk.c -- see chunk.h.
 */
#include "chunk.h"
#include "../base/bits.h"
#include "../base/check.h"

/* How good a place is; less is better. */
struct place {
	size_t start;
	size_t hole;
	bool is_fresh;
};

static bool
place_is_better(const struct place *a, const struct place *b)
{
	if (a->is_fresh != b->is_fresh)
		return b->is_fresh;
	return a->hole < b->hole;
}

/* Pages that are resident and free. */
static size_t
count_touched(const struct chunk *c, size_t start, size_t n)
{
	size_t ndirty = bits_count_range(c->dirty, start, n);

	return c->nsoiled == 0 ? ndirty
			       : ndirty + bits_count_range(c->soiled, start, n);
}

bool
chunk_find(const struct chunk *c, size_t npages, size_t align_pages,
	   size_t *start)
{
	struct place best = { CHUNK_NPAGES, CHUNK_NPAGES + 1, true };
	size_t hole, len;

	for (size_t at = 0;
	     (len = bits_next_clear_run(c->used, CHUNK_NPAGES, at, &hole)) > 0;
	     at = hole + len) {
		struct place p = { align_up(hole, align_pages), len, true };

		if (p.start + npages > hole + len)
			continue;
		p.is_fresh = count_touched(c, p.start, npages) * 2 < npages;
		if (place_is_better(&p, &best))
			best = p;
	}
	*start = best.start;
	return best.start != CHUNK_NPAGES;
}

static uint16_t
longest_free_run(const struct chunk *c)
{
	size_t hole, len, longest = 0;

	for (size_t at = 0;
	     (len = bits_next_clear_run(c->used, CHUNK_NPAGES, at, &hole)) > 0;
	     at = hole + len)
		longest = max_size(longest, len);
	return (uint16_t)longest;
}

bool
chunk_is_free(const struct chunk *c, size_t start, size_t n)
{
	return start + n <= CHUNK_NPAGES &&
	       bits_count_range(c->used, start, n) == 0;
}

/* The free run around the free page `at`: its first page and its length. */
static size_t
hole_around(const struct chunk *c, size_t at, size_t *first)
{
	*first = bits_find_set_before(c->used, at);
	return bits_find_set(c->used, CHUNK_NPAGES, at) - *first;
}

/* --- where the kernel's pages are larger than ours -------------------------- */

/* Dirty pages that cannot go back. */
static void
soil(struct chunk *c, size_t word, uint64_t pages)
{
	unsigned n = bits_popcount(pages);

	c->dirty[word] &= ~pages;
	c->stale[word] &= ~pages;
	c->soiled[word] |= pages;
	c->ndirty = (uint16_t)(c->ndirty - n);
	c->nsoiled = (uint16_t)(c->nsoiled + n);
}

/* Soiled pages that are dirty, or used, from now on. How many. */
static size_t
unsoil(struct chunk *c, size_t start, size_t n, bool are_dirty)
{
	size_t count = c->nsoiled == 0 ? 0
				       : bits_count_range(c->soiled, start, n);

	if (count == 0)
		return 0;
	for (size_t i = start; are_dirty && i < start + n; i++) {
		if (bits_test(c->soiled, i))
			bits_set(c->dirty, i);
	}
	bits_clear_range(c->soiled, start, n);
	c->nsoiled = (uint16_t)(c->nsoiled - count);
	if (are_dirty)
		c->ndirty = (uint16_t)(c->ndirty + count);
	return count;
}

/* After a page was freed: is the kernel's page around it free altogether? */
static void
unsoil_around(struct chunk *c, size_t page)
{
	unsigned unit = chunk_unit();
	size_t start = align_down(page, unit);

	if (chunk_is_free(c, start, unit))
		unsoil(c, start, unit, true);
}

/*
 * Makes whole pages of the kernel's of the pages that a claim is after: those
 * that are free altogether, with no dirty page that is too young.
 */
static void
widen(struct chunk *c, uint64_t *wanted)
{
	unsigned unit = chunk_unit();

	for (size_t page = 0; page < CHUNK_NPAGES; page += unit) {
		size_t w = page / BITS_WORD;
		uint64_t around = bits_mask(page % BITS_WORD, unit);
		uint64_t here = wanted[w] & around;

		if (here == 0)
			continue;
		wanted[w] |= around;
		if (c->used[w] & around)
			soil(c, w, here);
		if (c->used[w] & around || c->dirty[w] & around & ~here)
			wanted[w] &= ~around;
	}
}

/* --- taking and giving -------------------------------------------------------- */

bool
chunk_take(struct chunk *c, size_t start, size_t n)
{
	size_t ndirty = c->ndirty == 0 ? 0
				       : bits_count_range(c->dirty, start, n);
	size_t first, hole = hole_around(c, start, &first), nsoiled;

	invariant(chunk_is_free(c, start, n));
	bits_set_range(c->used, start, n);
	if (ndirty > 0) {
		bits_clear_range(c->dirty, start, n);
		bits_clear_range(c->stale, start, n);
	}
	nsoiled = unsoil(c, start, n, false);
	c->nused = (uint16_t)(c->nused + n);
	c->ndirty = (uint16_t)(c->ndirty - ndirty);
	/* Taking from a shorter hole leaves the longest one as it was. */
	if (hole == c->longest)
		c->longest = longest_free_run(c);
	return ndirty + nsoiled == 0;
}

size_t
chunk_refaults(struct chunk *c, size_t start, size_t n)
{
	size_t count = bits_count_range(c->purged, start, n);

	if (count > 0)
		bits_clear_range(c->purged, start, n);
	return c->is_moved_away ? 0 : count;
}

/* The pages are used no more, whatever became of their memory. */
static void
leave(struct chunk *c, size_t start, size_t n)
{
	size_t first, hole;

	invariant(bits_count_range(c->used, start, n) == n);
	bits_clear_range(c->used, start, n);
	c->nused = (uint16_t)(c->nused - n);
	/* The longest can only become the one around what was freed. */
	hole = hole_around(c, start, &first);
	c->longest = (uint16_t)max_size(c->longest, hole);
	if (c->nsoiled > 0) {
		unsoil_around(c, start);
		unsoil_around(c, start + n - 1);
	}
}

void
chunk_release(struct chunk *c, size_t start, size_t n)
{
	leave(c, start, n);
	bits_set_range(c->purged, start, n);
	c->is_moved_away = false;
}

void
chunk_move_away(struct chunk *c)
{
	chunk_release(c, 0, CHUNK_NPAGES);
	c->is_moved_away = true;
}

void
chunk_give(struct chunk *c, size_t start, size_t n)
{
	leave(c, start, n);
	bits_clear_range(c->purged, start, n);
	bits_set_range(c->dirty, start, n);
	c->ndirty = (uint16_t)(c->ndirty + n);
}

void
chunk_clean(struct chunk *c)
{
	invariant(c->nused == 0 && c->nsoiled == 0);
	for (unsigned i = 0; i < CHUNK_NWORDS; i++) {
		c->purged[i] |= c->dirty[i];
		c->dirty[i] = c->stale[i] = 0;
	}
	c->is_moved_away = c->is_moved_away && c->ndirty == 0;
	c->ndirty = 0;
}

/* The pages that a claim is after. */
static void
victims(struct chunk *c, bool only_stale, uint64_t *out)
{
	for (unsigned i = 0; i < CHUNK_NWORDS; i++)
		out[i] = only_stale ? c->stale[i] : c->dirty[i];
	if (chunk_unit() > 1)
		widen(c, out);
}

size_t
chunk_claim(struct chunk *c, bool only_stale, struct os_range *out, size_t max)
{
	uint64_t wanted[CHUNK_NWORDS];
	size_t n = 0, start, len;

	victims(c, only_stale, wanted);
	for (size_t at = 0;
	     n < max &&
	     (len = bits_next_set_run(wanted, CHUNK_NPAGES, at, &start)) > 0;
	     at = start + len) {
		chunk_take(c, start, len);
		out[n].addr = c->base + (start << PAGE_SHIFT);
		out[n].bytes = len << PAGE_SHIFT;
		n++;
	}
	/* What the claim had no room for is stale still. */
	for (unsigned i = 0; (n < max || max == 0) && i < CHUNK_NWORDS; i++)
		c->stale[i] = c->dirty[i];
	return n;
}

void
chunk_settle(struct chunk *c, const struct os_range *range, bool purged)
{
	size_t start = chunk_page(c, range->addr);
	size_t n = range->bytes >> PAGE_SHIFT;

	if (purged)
		chunk_release(c, start, n);
	else
		chunk_give(c, start, n);
}

/* --- pages of slabs ------------------------------------------------------------ */

void
chunk_note_away(struct chunk *c, size_t page, bool is_away)
{
	uint64_t bit = UINT64_C(1) << page % BITS_WORD;

	/* Relaxed: for reports; the slab knows for itself. */
	if (is_away)
		atomic_fetch_or_explicit(&c->away[page / BITS_WORD], bit,
					 memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&c->away[page / BITS_WORD], ~bit,
					  memory_order_relaxed);
}

void
chunk_books(const struct chunk *c, uint64_t resident[CHUNK_NWORDS])
{
	for (size_t i = 0; i < CHUNK_NWORDS; i++) {
		uint64_t away = atomic_load_explicit(&c->away[i],
						     memory_order_relaxed);

		resident[i] = (c->used[i] & ~away) | c->dirty[i];
	}
}
