/*
 * bin.c -- see bin.h.
 */
#include "bin.h"
#include "misuse.h"
#include "../base/check.h"
#include "../pages/bell.h"

/* Slabs whose free pages are purged in one go. */
#define BATCH 16

/* A slab has at most this many runs of pages to purge. */
#define SLAB_RANGES (SLAB_NPAGES / 2)

/* Young slabs that are looked at before the lock is dropped. */
#define LOOKS 64

static uint16_t
at_least(size_t least, size_t n, size_t less)
{
	return (uint16_t)(n < least + less ? least : n - less);
}

/* The list for a slab with a free slot, and how long it stays there. */
static void
choose_list(struct slab *s)
{
	unsigned quarter = s->nslots / BIN_FULLNESS, i = 0;
	unsigned nfree = s->nfree + s->nhidden;
	bool is_last;

	while (i < BIN_FULLNESS - 1 && nfree > (i + 1) * quarter)
		i++;
	is_last = i == BIN_FULLNESS - 1;
	s->low = at_least(1, i * quarter + 1, s->nhidden);
	s->high = at_least(0, is_last ? s->nslots - 1u : (i + 1) * quarter,
			   s->nhidden);
	s->list = i & 15;
	if (s->nfree > 0)
		return;
	/* The first slot that is put moves it to another list. */
	s->high = 0;
	s->list = (s->is_held ? BIN_HELD : BIN_HIDDEN + i) & 15;
}

/* Relaxed: LOCK_BIN orders the writers, readers want a number for reports. */
static void
count_listed_locked(struct bin *b, size_t n)
{
	n += atomic_load_explicit(&b->nlisted, memory_order_relaxed);
	atomic_store_explicit(&b->nlisted, n, memory_order_relaxed);
}

static void
link_locked(struct bin *b, struct slab *s)
{
	choose_list(s);
	list_push(&b->lists[s->list], &s->link);
	count_listed_locked(b, 1);
}

static void
unlink_locked(struct bin *b, struct slab *s)
{
	list_remove(&b->lists[s->list], &s->link);
	count_listed_locked(b, (size_t)-1);
}

/* After its numbers changed. A full slab is on no list. */
static void
relink_locked(struct bin *b, struct slab *s)
{
	unlink_locked(b, s);
	if (s->nfree + s->nhidden > 0)
		link_locked(b, s);
}

/* Relaxed: a hint. */
static _Atomic size_t nyoung_all;

static void
add_young_locked(struct bin *b, size_t n)
{
	b->nyoung += n;
	atomic_fetch_add_explicit(&nyoung_all, n, memory_order_relaxed);
}

size_t
bin_nyoung(void)
{
	return atomic_load_explicit(&nyoung_all, memory_order_relaxed);
}

static void
join_young_locked(struct bin *b, struct slab *s)
{
	s->is_young = true;
	s->age = 0;
	queue_push_last(&b->young, &s->young);
	add_young_locked(b, 1);
}

static void
leave_young_locked(struct bin *b, struct slab *s)
{
	if (!s->is_young)
		return;
	s->is_young = false;
	queue_remove(&b->young, &s->young);
	add_young_locked(b, (size_t)-1);
}

/* Takes a slab out of the books; the caller retires it without the lock. */
static void
forget_locked(struct bin *b, struct slab *s)
{
	leave_young_locked(b, s);
	b->naway -= bits_popcount(s->away);
	b->nslabs--;
}

bool
bin_is_used(struct bin *b)
{
	return atomic_load_explicit(&b->nslabs_made, memory_order_relaxed) > 0;
}

static struct slab *
first_slab(const struct list *l)
{
	return l->first == NULL ? NULL
				: list_entry(l->first, struct slab, link);
}

static void
push_empty_locked(struct bin *b, struct slab *s)
{
	list_push(&b->empty, &s->link);
	b->nempty++;
}

static struct slab *
pop_empty_locked(struct bin *b)
{
	struct slab *s = first_slab(&b->empty);

	if (s == NULL)
		return NULL;
	list_remove(&b->empty, &s->link);
	b->nempty--;
	if (b->nempty < b->idle)
		b->idle = b->nempty;
	return s;
}

static struct slab *
first_of(struct bin *b, unsigned from)
{
	struct slab *s = NULL;

	for (unsigned i = from; i < from + BIN_FULLNESS && s == NULL; i++)
		s = first_slab(&b->lists[i]);
	return s;
}

/* Takes some pages of the fullest slab that has hidden slots alone back. */
static struct slab *
reveal_locked(struct bin *b)
{
	struct slab *s = first_of(b, BIN_HIDDEN);
	unsigned npages;

	if (s == NULL)
		return NULL;
	npages = slab_reveal_some(s);
	bell_spend(npages);
	b->naway -= npages;
	b->nrefaults += npages;
	relink_locked(b, s);
	return s;
}

/* The slab to take from, with a visible slot; NULL: there is none. */
static struct slab *
best_locked(struct bin *b)
{
	struct slab *s = first_of(b, 0);

	if (s != NULL)
		return s;
	s = pop_empty_locked(b);
	if (s == NULL)
		return reveal_locked(b);
	link_locked(b, s);
	/* What is not taken of it may stay so. */
	if (!s->is_young)
		join_young_locked(b, s);
	return s;
}

/* Takes from one slab and puts it where it belongs now. */
static size_t
take_locked(struct bin *b, struct slab *s, void **out, size_t n)
{
	size_t got = slab_take(s, out, n);

	b->nused += got;
	b->nfilled += got;
	if (s->nfree < s->low)
		relink_locked(b, s);
	return got;
}

static size_t
fill_locked(struct bin *b, void **out, size_t n)
{
	size_t got = 0;
	struct slab *s;

	while (got < n && (s = best_locked(b)) != NULL)
		got += take_locked(b, s, out + got, n - got);
	return got;
}

size_t
bin_fill(struct bin *b, struct pageheap *ph, unsigned cls, void **out, size_t n)
{
	struct slab *s;
	size_t got;

	lock_take(&b->lock, LOCK_BIN);
	b->nfills++;
	got = fill_locked(b, out, n);
	lock_drop(&b->lock, LOCK_BIN);
	/* Pages that were away become resident again. */
	bell_warn();
	if (got > 0)
		return got;
	s = slab_make(ph, b, cls);
	if (s == NULL)
		return 0;
	lock_take(&b->lock, LOCK_BIN);
	b->nslabs++;
	/* Relaxed: the lock orders the writers. */
	atomic_fetch_add_explicit(&b->nslabs_made, 1, memory_order_relaxed);
	link_locked(b, s);
	if (s->was_resident)
		join_young_locked(b, s);
	got = take_locked(b, s, out, n);
	lock_drop(&b->lock, LOCK_BIN);
	return got;
}

/* How many empty slabs are worth keeping for the next fills. */
static bool
has_enough_empty(const struct bin *b)
{
	return b->nempty >= BIN_EMPTY_MAX || b->nempty > b->nslabs / 2;
}

/*
 * What becomes of a slab that ran empty: true where it is to be retired, being
 * on no list any more.
 */
static bool
leave_empty_locked(struct bin *b, struct slab *s)
{
	unlink_locked(b, s);
	/* The purge that holds it will come back to it. */
	if (s->is_held) {
		link_locked(b, s);
		return false;
	}
	if (s->nhidden == 0 && !has_enough_empty(b)) {
		push_empty_locked(b, s);
		return false;
	}
	forget_locked(b, s);
	return true;
}

/* Puts one block back. Returns the slab where it is to be retired. */
static struct slab *
put_locked(struct bin *b, struct slab *s, void *p)
{
	slab_put(s, p);
	if (!s->is_young)
		join_young_locked(b, s);
	/* It was full, and on no list. */
	if (s->nfree == 1 && s->nhidden == 0)
		link_locked(b, s);
	if (s->nfree <= s->high)
		return NULL;
	if (slab_is_empty(s))
		return leave_empty_locked(b, s) ? s : NULL;
	relink_locked(b, s);
	return NULL;
}

static void
retire_all(struct list_node *n)
{
	while (n != NULL) {
		struct slab *s = list_entry(n, struct slab, link);

		n = n->next;
		slab_retire(s);
	}
}

/* Whoever flushes holds a cache's lock. */
static _Noreturn void
die_of_gone(const void *p)
{
	misuse_die_locked("free()", p,
			  " was freed twice, and its second free came through "
			  "a cache");
}

/*
 * Returns those of the blocks that belong to b; the others move to the front
 * of the array, and their number is the result.
 */
static size_t
flush_to_bin(struct bin *b, void **blocks, size_t n)
{
	struct list retired = { NULL };
	size_t rest = 0;

	lock_take(&b->lock, LOCK_BIN);
	b->nflushes++;
	for (size_t i = 0; i < n; i++) {
		struct slab *s = slab_find(blocks[i]);

		if (s == NULL)
			die_of_gone(blocks[i]);
		if (s->bin != b) {
			blocks[rest++] = blocks[i];
			continue;
		}
		s = put_locked(b, s, blocks[i]);
		if (s != NULL)
			list_push(&retired, &s->link);
	}
	b->nused -= n - rest;
	b->nflushed += n - rest;
	lock_drop(&b->lock, LOCK_BIN);
	retire_all(retired.first);
	return rest;
}

void
bin_flush(void **blocks, size_t n)
{
	while (n > 0) {
		struct slab *s = slab_find(blocks[0]);

		if (s == NULL)
			die_of_gone(blocks[0]);
		n = flush_to_bin(s->bin, blocks, n);
	}
}

void
bin_trim(struct bin *b, bool only_idle)
{
	struct list retired = { NULL };
	unsigned n;

	lock_take(&b->lock, LOCK_BIN);
	for (n = only_idle ? b->idle : b->nempty; n > 0; n--) {
		struct slab *s = pop_empty_locked(b);

		forget_locked(b, s);
		list_push(&retired, &s->link);
	}
	b->idle = b->nempty;
	lock_drop(&b->lock, LOCK_BIN);
	retire_all(retired.first);
}

/* --- pages of quiet slabs ------------------------------------------------------ */

/* Slabs that are held, and the runs of pages of theirs that are to go. */
struct purge {
	struct slab *slabs[BATCH];
	uint16_t pages[BATCH];
	size_t nslabs;
	struct os_range ranges[BATCH * SLAB_RANGES];
	size_t nranges;
};

static void
add_ranges(struct purge *p, const struct slab *s, uint64_t pages)
{
	size_t start, len;

	for (size_t at = 0;
	     (len = bits_next_set_run(&pages, SLAB_NPAGES, at, &start)) > 0;
	     at = start + len)
		p->ranges[p->nranges++] = (struct os_range){
			s->base + (start << PAGE_SHIFT), len << PAGE_SHIFT
		};
}

static void
claim_locked(struct bin *b, struct slab *s, struct purge *p)
{
	uint16_t pages = slab_free_pages(s);

	if (pages == 0)
		return;
	slab_hide(s, pages);
	b->naway += bits_popcount(pages);
	s->is_held = true;
	relink_locked(b, s);
	p->slabs[p->nslabs] = s;
	p->pages[p->nslabs++] = pages;
	add_ranges(p, s, pages);
}

/* A young slab's turn: it grows older, or is claimed, or is of no interest. */
static void
look_locked(struct bin *b, unsigned quiet_ticks, struct purge *p)
{
	struct slab *s = list_entry(b->young.first, struct slab, young);

	leave_young_locked(b, s);
	/* Empty ones are bin_trim's, full ones have nothing to give. */
	if (slab_is_empty(s) || s->nfree == 0)
		return;
	if (s->age + 1u < quiet_ticks) {
		uint8_t age = (uint8_t)(s->age + 1);

		join_young_locked(b, s);
		s->age = age;
		return;
	}
	claim_locked(b, s, p);
}

/* Looks at up to *nlooks slabs, until a batch is full. */
static void
claim_batch(struct bin *b, unsigned quiet_ticks, size_t *nlooks,
	    struct purge *p)
{
	p->nslabs = p->nranges = 0;
	lock_take(&b->lock, LOCK_BIN);
	for (unsigned i = 0;
	     i<LOOKS && * nlooks> 0 && p->nslabs < BATCH && b->nyoung > 0;
	     i++, --*nlooks)
		look_locked(b, quiet_ticks, p);
	lock_drop(&b->lock, LOCK_BIN);
}

/* The pages of slab i that the kernel did not take, its ranges from *r on. */
static uint16_t
refused(const struct purge *p, size_t i, size_t went, size_t *r)
{
	uint16_t pages = 0;

	for (; *r < p->nranges && slab_find(p->ranges[*r].addr) == p->slabs[i];
	     ++*r) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): held */
		const char *base = p->slabs[i]->base;
		size_t start = (size_t)((char *)p->ranges[*r].addr - base) >>
			       PAGE_SHIFT;
		size_t n = p->ranges[*r].bytes >> PAGE_SHIFT;

		if (*r >= went)
			pages |= (uint16_t)bits_mask((unsigned)start,
						     (unsigned)n);
	}
	return pages;
}

/* Lets a slab go. True where it ran empty meanwhile and is to be retired. */
static bool
release_locked(struct bin *b, struct slab *s, uint16_t pages)
{
	slab_reveal(s, pages);
	b->naway -= bits_popcount(pages);
	s->is_held = false;
	if (slab_is_empty(s))
		return leave_empty_locked(b, s);
	relink_locked(b, s);
	return false;
}

static void
settle_batch(struct bin *b, const struct purge *p, size_t went)
{
	struct list retired = { NULL };
	size_t r = 0;

	lock_take(&b->lock, LOCK_BIN);
	for (size_t i = 0; i < p->nslabs; i++) {
		struct slab *s = p->slabs[i];

		if (release_locked(b, s, refused(p, i, went, &r)))
			list_push(&retired, &s->link);
	}
	lock_drop(&b->lock, LOCK_BIN);
	retire_all(retired.first);
}

static struct bin_purged
look_at(struct bin *b)
{
	struct bin_purged now;

	lock_take(&b->lock, LOCK_BIN);
	now = (struct bin_purged){ b->nyoung, b->nrefaults };
	lock_drop(&b->lock, LOCK_BIN);
	return now;
}

struct bin_purged
bin_purge(struct bin *b, unsigned quiet_ticks, struct purge_stats *stats)
{
	size_t nlooks = look_at(b).nyoung;
	struct purge p;

	while (nlooks > 0) {
		size_t before = nlooks;

		claim_batch(b, quiet_ticks, &nlooks, &p);
		if (p.nslabs > 0)
			settle_batch(b, &p,
				     purge_ranges(p.ranges, p.nranges, stats));
		/* The others were retired meanwhile. */
		if (nlooks == before)
			break;
	}
	return look_at(b);
}
