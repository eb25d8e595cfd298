/*
 * pageheap.c -- see pageheap.h.
 */
#include "pageheap.h"
#include "../base/bits.h"
#include "bell.h"
#include "pageheap_locked.h"

/*
 * How many chunks of a bucket are looked at for the fullest that fits, and how
 * many may turn out not to fit at the first glance.
 */
#define LOOKS   4
#define GLANCES 64

/* --- lists ----------------------------------------------------------------- */

static struct chunk *
link_chunk(struct list_node *n)
{
	return list_entry(n, struct chunk, link);
}

void
pageheap_relist_locked(struct pageheap *ph, struct chunk *c)
{
	unsigned bucket = chunk_bucket(c);

	if (bucket == c->bucket)
		return;
	list_remove(&ph->buckets[c->bucket], &c->link);
	c->bucket = (uint8_t)bucket;
	list_push(&ph->buckets[bucket], &c->link);
}

size_t
pageheap_ndirty(const struct pageheap *ph)
{
	return atomic_load_explicit(&ph->ndirty, memory_order_relaxed);
}

/* Relaxed: the lock orders the writers; the reader wants a hint. */
static void
add_dirty_locked(struct pageheap *ph, size_t n)
{
	atomic_store_explicit(&ph->ndirty, pageheap_ndirty(ph) + n,
			      memory_order_relaxed);
}

uint64_t
pageheap_nrefaults(const struct pageheap *ph)
{
	return atomic_load_explicit(&ph->nrefaults, memory_order_relaxed);
}

/* Relaxed: as above. */
static void
add_refaults_locked(struct pageheap *ph, size_t n)
{
	if (n > 0)
		atomic_store_explicit(&ph->nrefaults,
				      pageheap_nrefaults(ph) + n,
				      memory_order_relaxed);
}

void
pageheap_redirty_locked(struct pageheap *ph, struct chunk *c, size_t before)
{
	add_dirty_locked(ph, (size_t)c->ndirty - before);
	if (before == 0 && c->ndirty > 0)
		list_push(&ph->dirty, &c->dirty_link);
	if (before > 0 && c->ndirty == 0)
		list_remove(&ph->dirty, &c->dirty_link);
}

static void
adopt_locked(struct pageheap *ph, struct chunk *c)
{
	chunk_set_owner(c, ph);
	/* Whatever its last owner's purges were numbered. */
	c->tick = ph->tick - 1;
	c->longest = CHUNK_NPAGES;
	c->bucket = (uint8_t)chunk_bucket(c);
	list_push(&ph->buckets[c->bucket], &c->link);
	pageheap_redirty_locked(ph, c, 0);
	ph->nchunks++;
}

/* Takes a chunk without a used page out of the books. */
static void
forget_locked(struct pageheap *ph, struct chunk *c)
{
	size_t ndirty = c->ndirty;

	list_remove(&ph->buckets[c->bucket], &c->link);
	if (ndirty > 0)
		list_remove(&ph->dirty, &c->dirty_link);
	add_dirty_locked(ph, 0 - ndirty);
	ph->nchunks--;
}

void
pageheap_keep_or_leave_locked(struct pageheap *ph, struct chunk *c)
{
	if (c->nused > 0 || ph->keeps_chunks) {
		pageheap_relist_locked(ph, c);
		return;
	}
	forget_locked(ph, c);
	pagepool_put(c);
}

/* --- taking ------------------------------------------------------------------ */

static bool
take_locked(struct pageheap *ph, struct chunk *c, size_t start, size_t n)
{
	size_t before = c->ndirty;
	size_t nrefaults = chunk_refaults(c, start, n);
	bool is_zero = chunk_take(c, start, n);

	add_refaults_locked(ph, nrefaults);
	/* Of the pages taken, those that were not dirty. */
	bell_spend(n - (before - c->ndirty));
	ph->nused += n;
	ph->peak = max_size(ph->peak, ph->nused);
	pageheap_redirty_locked(ph, c, before);
	pageheap_relist_locked(ph, c);
	return is_zero;
}

/* A place for a run, and how much we would like it. */
struct candidate {
	struct chunk *chunk;
	size_t start;
	size_t merit;
};

/* Resident pages before fresh ones, then the fullest chunk. */
static size_t
merit(const struct chunk *c, size_t npages)
{
	return c->nused + (c->ndirty >= npages ? CHUNK_NPAGES : 0);
}

static void
look_in_bucket(const struct pageheap *ph, unsigned bucket, size_t npages,
	       size_t align_pages, struct candidate *best)
{
	struct list_node *n = ph->buckets[bucket].first;
	unsigned looks = 0, glances = 0;

	for (; looks < LOOKS && glances < GLANCES && n != NULL;
	     glances++, n = n->next) {
		struct chunk *c = link_chunk(n);
		size_t start;

		if (c->longest < npages ||
		    (best->chunk != NULL && merit(c, npages) <= best->merit) ||
		    !chunk_find(c, npages, align_pages, &start))
			continue;
		looks++;
		best->chunk = c;
		best->start = start;
		best->merit = merit(c, npages);
	}
}

/* Under the lock only the pool's: hooks are called without it. */
static struct chunk *
new_chunks(const struct pageheap *ph, size_t count, size_t alignment)
{
	return ph->hooks != NULL ? NULL : pagepool_take(count, alignment);
}

static void *
alloc_in_chunk_locked(struct pageheap *ph, size_t npages, size_t align_pages,
		      bool *is_zero)
{
	struct candidate best = { NULL, 0, 0 };

	for (unsigned b = log2_floor(npages);
	     b < CHUNK_FULL && best.chunk == NULL; b++)
		look_in_bucket(ph, b, npages, align_pages, &best);
	if (best.chunk == NULL) {
		best.chunk = new_chunks(ph, 1, CHUNK_BYTES);
		if (best.chunk == NULL)
			return NULL;
		adopt_locked(ph, best.chunk);
	}
	*is_zero = take_locked(ph, best.chunk, best.start, npages);
	return best.chunk->base + (best.start << PAGE_SHIFT);
}

/* Takes npages from c and the chunks behind it, all of them free. */
static void *
take_span_locked(struct pageheap *ph, struct chunk *c, size_t npages,
		 bool *is_zero)
{
	char *addr = c->base;

	*is_zero = true;
	for (; npages > 0; c++) {
		size_t n = min_size(npages, CHUNK_NPAGES);

		*is_zero &= take_locked(ph, c, 0, n);
		npages -= n;
	}
	return addr;
}

static void
adopt_all_locked(struct pageheap *ph, struct chunk *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		adopt_locked(ph, &c[i]);
}

/* True where `count` chunks from c on are this page heap's, and free. */
static bool
is_kept_locked(const struct pageheap *ph, const struct chunk *c, size_t count)
{
	const struct region *r = region_find(c->base);

	if (count > region_npages(r) / CHUNK_NPAGES - (size_t)(c - r->chunks))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (chunk_owner(&c[i]) != ph || c[i].nused > 0)
			return false;
	}
	return true;
}

/* Neighbours among the chunks that ran empty and were kept; NULL. */
static struct chunk *
find_kept_locked(struct pageheap *ph, size_t count, size_t alignment)
{
	struct list_node *n = ph->buckets[CHUNK_FULL - 1].first;

	for (; ph->keeps_chunks && n != NULL; n = n->next) {
		struct chunk *c = link_chunk(n);

		if (((uintptr_t)c->base & (alignment - 1)) == 0 &&
		    is_kept_locked(ph, c, count))
			return c;
	}
	return NULL;
}

/* What a run that takes whole chunks asks for; any other takes one. */
struct span {
	size_t count, alignment;
};

static struct span
span_of(size_t npages, size_t align_pages)
{
	return (struct span){
		(npages + CHUNK_NPAGES - 1) / CHUNK_NPAGES,
		max_size(align_pages << PAGE_SHIFT, CHUNK_BYTES),
	};
}

/* Whole chunks; the last one may keep free pages behind the run. */
static void *
alloc_span_locked(struct pageheap *ph, size_t npages, size_t align_pages,
		  bool *is_zero)
{
	struct span s = span_of(npages, align_pages);
	struct chunk *c = find_kept_locked(ph, s.count, s.alignment);

	if (c == NULL) {
		c = new_chunks(ph, s.count, s.alignment);
		if (c == NULL)
			return NULL;
		adopt_all_locked(ph, c, s.count);
	}
	return take_span_locked(ph, c, npages, is_zero);
}

/* No lock is held: the hooks may do anything but use this very arena. */
static void *
alloc_by_hooks(struct pageheap *ph, struct extent_hooks *hooks, size_t npages,
	       size_t align_pages, bool *is_zero)
{
	struct span s = span_of(npages, align_pages);
	struct chunk *c;
	void *addr;

	c = hooks_take(hooks, ph->arena, s.count, s.alignment);
	if (c == NULL)
		return NULL;
	lock_take(&ph->lock, LOCK_PAGES);
	adopt_all_locked(ph, c, s.count);
	addr = take_span_locked(ph, c, npages, is_zero);
	lock_drop(&ph->lock, LOCK_PAGES);
	return addr;
}

void *
pageheap_alloc(struct pageheap *ph, size_t npages, size_t align_pages,
	       bool *is_zero)
{
	struct extent_hooks *hooks;
	void *addr;

	lock_take(&ph->lock, LOCK_PAGES);
	if (npages > CHUNK_NPAGES || align_pages > CHUNK_NPAGES)
		addr = alloc_span_locked(ph, npages, align_pages, is_zero);
	else
		addr = alloc_in_chunk_locked(ph, npages, align_pages, is_zero);
	hooks = ph->hooks;
	lock_drop(&ph->lock, LOCK_PAGES);
	if (addr == NULL && hooks != NULL)
		addr = alloc_by_hooks(ph, hooks, npages, align_pages, is_zero);
	bell_warn();
	return addr;
}

/* --- hooks --------------------------------------------------------------------- */

void
pageheap_set_hooks(struct pageheap *ph, struct extent_hooks *hooks,
		   unsigned arena)
{
	lock_take(&ph->lock, LOCK_PAGES);
	ph->arena = arena;
	ph->hooks = hooks;
	ph->keeps_chunks |= hooks != NULL;
	lock_drop(&ph->lock, LOCK_PAGES);
}

struct extent_hooks *
pageheap_hooks(struct pageheap *ph)
{
	struct extent_hooks *hooks;

	lock_take(&ph->lock, LOCK_PAGES);
	hooks = ph->hooks;
	lock_drop(&ph->lock, LOCK_PAGES);
	return hooks;
}

struct list
pageheap_detach(struct pageheap *ph)
{
	struct list chunks = { NULL };
	struct list *kept = &ph->buckets[CHUNK_FULL - 1];

	lock_take(&ph->lock, LOCK_PAGES);
	while (kept->first != NULL) {
		struct chunk *c = link_chunk(kept->first);

		invariant(c->nused == 0);
		forget_locked(ph, c);
		chunk_set_owner(c, NULL);
		list_push(&chunks, &c->link);
	}
	lock_drop(&ph->lock, LOCK_PAGES);
	return chunks;
}

void
pageheap_end(struct pageheap *ph, struct list chunks)
{
	struct extent_hooks *hooks = pageheap_hooks(ph);
	struct list_node *n = chunks.first;

	while (n != NULL) {
		struct chunk *c = link_chunk(n);

		n = n->next;
		if (hooks != NULL)
			hooks_give(hooks, ph->arena, c);
		else
			pagepool_put(c);
	}
	lock_take(&ph->lock, LOCK_PAGES);
	ph->hooks = NULL;
	ph->keeps_chunks = false;
	lock_drop(&ph->lock, LOCK_PAGES);
}

/* --- giving ------------------------------------------------------------------ */

/* What became of the memory of pages that are freed. */
enum fate {
	FATE_DIRTY,
	FATE_CLEAN, /* it went back to the kernel */
	FATE_MOVED, /* the whole chunk's went elsewhere */
};

static void
give_locked(struct pageheap *ph, struct chunk *c, size_t start, size_t n,
	    enum fate fate)
{
	size_t before = c->ndirty;

	if (fate == FATE_DIRTY)
		chunk_give(c, start, n);
	else if (fate == FATE_CLEAN)
		chunk_release(c, start, n);
	else
		chunk_move_away(c);
	ph->nused -= n;
	pageheap_redirty_locked(ph, c, before);
	pageheap_keep_or_leave_locked(ph, c);
}

struct pageheap *
pageheap_of(const void *addr)
{
	return chunk_owner(region_chunk(region_find(addr), addr));
}

static void
free_run(void *addr, size_t npages, enum fate fate)
{
	struct chunk *c = region_chunk(region_find(addr), addr);
	struct pageheap *ph = chunk_owner(c);
	size_t start = chunk_page(c, addr);

	lock_take(&ph->lock, LOCK_PAGES);
	while (npages > 0) {
		size_t n = min_size(npages, CHUNK_NPAGES - start);

		give_locked(ph, c, start, n, fate);
		npages -= n;
		start = 0;
		c++;
	}
	lock_drop(&ph->lock, LOCK_PAGES);
	bell_ring();
}

void
pageheap_free(void *addr, size_t npages)
{
	free_run(addr, npages, FATE_DIRTY);
}

void
pageheap_free_moved(void *addr, size_t npages)
{
	invariant(npages % CHUNK_NPAGES == 0);
	free_run(addr, npages, FATE_MOVED);
}

void
pageheap_free_parts(void *addr, size_t npages, uint64_t clean)
{
	while (npages > 0) {
		bool is_clean = clean & 1;
		size_t n = 1;

		while (n < npages && (clean >> n & 1) == is_clean)
			n++;
		free_run(addr, n, is_clean ? FATE_CLEAN : FATE_DIRTY);
		addr = (char *)addr + (n << PAGE_SHIFT);
		npages -= n;
		clean >>= n - 1;
		clean >>= 1;
	}
}

/* The pages behind a run, as far as whole chunks of the pool are needed. */
static bool
extend_over_chunks_locked(struct pageheap *ph, struct chunk *c, size_t start,
			  size_t more)
{
	size_t here = CHUNK_NPAGES - start, rest = more - here;
	size_t count = (rest + CHUNK_NPAGES - 1) / CHUNK_NPAGES;

	/* What others had must not come in by the side door. */
	if (ph->keeps_chunks || (here > 0 && !chunk_is_free(c, start, here)))
		return false;
	if (!pagepool_take_at(c + 1, count))
		return false;
	if (here > 0)
		take_locked(ph, c, start, here);
	for (size_t i = 1; i <= count; i++) {
		size_t n = min_size(rest, CHUNK_NPAGES);

		adopt_locked(ph, &c[i]);
		take_locked(ph, &c[i], 0, n);
		rest -= n;
	}
	return true;
}

static bool
extend_locked(struct pageheap *ph, struct chunk *c, size_t start, size_t more)
{
	if (start + more > CHUNK_NPAGES)
		return extend_over_chunks_locked(ph, c, start, more);
	if (!chunk_is_free(c, start, more))
		return false;
	take_locked(ph, c, start, more);
	return true;
}

bool
pageheap_extend(void *addr, size_t npages, size_t more)
{
	char *last = (char *)addr + ((npages - 1) << PAGE_SHIFT);
	struct chunk *c = region_chunk(region_find(addr), last);
	struct pageheap *ph = chunk_owner(c);
	bool fits;

	lock_take(&ph->lock, LOCK_PAGES);
	fits = extend_locked(ph, c, chunk_page(c, last) + 1, more);
	lock_drop(&ph->lock, LOCK_PAGES);
	bell_warn();
	return fits;
}

void
pageheap_note_moved(void *addr, size_t npages)
{
	struct chunk *c = region_chunk(region_find(addr), addr);
	struct pageheap *ph = chunk_owner(c);
	size_t count = (npages + CHUNK_NPAGES - 1) / CHUNK_NPAGES;

	lock_take(&ph->lock, LOCK_PAGES);
	for (size_t i = 0; i < count; i++)
		pagepool_note_moved(&c[i], i == 0);
	lock_drop(&ph->lock, LOCK_PAGES);
}
