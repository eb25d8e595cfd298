/*
 * sequences.c -- any sequence of calls, against a model.
 *
 * The input is a program: a byte for what is done, one for the block that it is
 * done to, and numbers. The model knows each block's bytes, alignment, contents
 * and arena; after each call it holds the library against that, and now and
 * then the sum of all blocks against the statistics. Three threads take turns,
 * one at a time, so that a drain finds caches of others and what happens
 * depends on the input alone; they come and go.
 *
 * Built twice: on the tri_ names beside the host's malloc (sequences), where
 * the kernel may be told to refuse, and on the library that has taken malloc's
 * place (interface). An input is the same for both.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

#include "blocks.h"
#include "books.h"

#define NTHREADS 3u
#define NMADE    2u
#define NSTEPS   4000u

static unsigned arenas[NMADE], caches[NMADE]; /* NO_ARENA: none */
static size_t before;
static unsigned nsteps;

/* What the blocks sum up to is what the statistics say. */
static void
check_books(void)
{
	must(books_allocated() == before + live);
}

/* --- where to -------------------------------------------------------------------- */

/* A cache, an arena, both or none of those that were made; never zeroes. */
static int
take_place(void)
{
	unsigned kind = take_byte(&in), i = kind >> 4 & 1;
	int flags = 0;

	if ((kind & 3) == 1)
		flags |= 1 << 8;
	if ((kind & 3) == 2 && caches[i] != NO_ARENA)
		flags |= (int)((caches[i] + 2) << 8);
	if ((kind & 4) && arenas[i] != NO_ARENA)
		flags |= (int)((arenas[i] + 1) << 20);
	return flags;
}

#define ZERO 0x40

/* --- one call ----------------------------------------------------------------------- */

static void
do_malloc(struct slot *s, size_t size)
{
	slot_begin(s, tri_malloc(size), size, 1);
}

static void
do_calloc(struct slot *s, size_t size)
{
	size_t count = take_byte(&in) + 1u;
	unsigned char *p;

	size = size / count + 1;
	p = tri_calloc(count, size);
	if (p != NULL)
		check_zero(p, 0, count * size);
	slot_begin(s, p, count * size, 1);
}

static void
do_aligned(struct slot *s, size_t size)
{
	size_t alignment = take_alignment();
	void *p = NULL;
	int err;

	switch (take_byte(&in) % 5) {
	case 0:
		slot_begin(s, tri_aligned_alloc(alignment, size), size,
			   alignment);
		break;
	case 1:
		alignment = alignment < 8 ? 8 : alignment;
		err = tri_posix_memalign(&p, alignment, size);
		must(err == 0 || (err == ENOMEM && p == NULL));
		slot_begin(s, p, size, alignment);
		break;
	case 2:
		slot_begin(s, tri_memalign(alignment, size), size, alignment);
		break;
	case 3:
		slot_begin(s, tri_valloc(size), size, PAGE);
		break;
	default:
		size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
		slot_begin(s, tri_pvalloc(size), size, PAGE);
	}
}

static void
do_mallocx(struct slot *s, size_t size)
{
	int lg = (int)(take_byte(&in) % 18), place = take_place();
	int zero = take_byte(&in) & 1 ? ZERO : 0;
	size_t expected = tri_nallocx(size, lg);
	unsigned char *p = tri_mallocx(size, lg | place | zero);

	if (p != NULL && zero)
		check_zero(p, 0, tri_malloc_usable_size(p));
	slot_begin(s, p, size, (size_t)1 << lg);
	must(p == NULL || s->usable == expected);
}

static void
do_alloc(struct slot *s, unsigned how)
{
	size_t size = take_size();

	if (!there_is_room(size + 256 * KIB))
		return;
	switch (how % 6) {
	case 0:
		do_calloc(s, size);
		break;
	case 1:
	case 2:
		do_aligned(s, size);
		break;
	case 3:
		do_mallocx(s, size);
		break;
	default:
		do_malloc(s, size);
	}
}

/* The block is as it was where there was no memory for another. */
static void
moved(struct slot *s, unsigned char *p, size_t size)
{
	struct slot old = *s;

	if (p == NULL) {
		must(may_fail);
		return;
	}
	slot_check(&old, p, size < old.usable ? size : old.usable);
	live -= old.usable;
	slot_begin(s, p, size, 1);
	/* A block may be larger than it needs to be. */
	s->asked = s->usable;
}

static void
do_rallocx(struct slot *s, size_t size)
{
	int lg = (int)(take_byte(&in) % 14), place = take_place();
	int zero = take_byte(&in) & 1 ? ZERO : 0;
	size_t old = s->usable, usable;
	unsigned char *p = tri_rallocx(s->p, size, lg | place | zero);

	must((uintptr_t)p % ((size_t)1 << lg) == 0);
	if (p != NULL && zero) {
		usable = tri_malloc_usable_size(p);
		if (usable > old)
			check_zero(p, old, usable);
	}
	moved(s, p, size);
}

static void
do_xallocx(struct slot *s, size_t size)
{
	size_t extra = take_size(), old = s->usable;
	size_t usable = tri_xallocx(s->p, size, extra, 0);

	must(usable == tri_malloc_usable_size(s->p));
	slot_check(s, s->p, usable < old ? usable : old);
	live = live - old + usable;
	s->usable = s->asked = usable;
	slot_fill(s);
}

static void
do_resize(struct slot *s, unsigned how)
{
	size_t size = take_size();

	if (!there_is_room(2 * size + 64 * KIB))
		return;
	slot_check(s, s->p, s->usable);
	switch (how % 4) {
	case 0:
		moved(s, tri_reallocarray(s->p, 1, size + 1), size + 1);
		break;
	case 1:
		do_rallocx(s, size);
		break;
	case 2:
		do_xallocx(s, size);
		break;
	default:
		moved(s, tri_realloc(s->p, size + 1), size + 1);
	}
}

static void
do_free(struct slot *s, unsigned how)
{
	unsigned char *p = s->p;
	int lg = __builtin_ctzl(s->alignment);

	slot_end(s);
	errno = 77;
	switch (how % 6) {
	case 0:
		if (s->alignment == 1)
			tri_free_sized(p, s->asked);
		else
			tri_free_aligned_sized(p, s->alignment, s->asked);
		break;
	case 1:
		tri_dallocx(p, take_place());
		break;
	case 2:
		tri_sdallocx(p, s->asked, lg | take_place());
		break;
	case 3:
		must(tri_realloc(p, 0) == NULL);
		break;
	default:
		tri_free(p);
	}
	must(errno == 77);
}

/* Nobody has as much; nothing changes. */
static void
do_too_much(struct slot *s)
{
	size_t size = take_too_much();
	void *p = s;

	errno = 0;
	must(tri_malloc(size) == NULL && errno == ENOMEM);
	must(tri_calloc(size, 1 + take_byte(&in)) == NULL);
	must(tri_aligned_alloc(take_alignment(), size) == NULL);
	must(tri_posix_memalign(&p, 64, size) == ENOMEM && p == s);
	must(tri_mallocx(size, take_place()) == NULL);
	if (s->p == NULL)
		return;
	must(tri_realloc(s->p, size) == NULL);
	must(tri_rallocx(s->p, size, take_place()) == NULL);
	slot_check(s, s->p, s->usable);
}

/* --- arenas, caches ------------------------------------------------------------------ */

static int
call(const char *format, unsigned i)
{
	char name[64];

	snprintf(name, sizeof name, format, i);
	return tri_mallctl(name, NULL, NULL, NULL, 0);
}

static unsigned
make(const char *name)
{
	unsigned made = NO_ARENA;
	size_t len = sizeof made;

	if (tri_mallctl(name, &made, &len, NULL, 0) != 0) {
		must(may_fail);
		return NO_ARENA;
	}
	return made;
}

/* EFAULT while a thread is bound to it: then its blocks stay. */
static void
empty_arena(unsigned i, bool is_end)
{
	if (arenas[i] == NO_ARENA ||
	    call(is_end ? "arena.%u.destroy" : "arena.%u.reset", arenas[i]))
		return;
	forget_arena(arenas[i]);
	if (is_end)
		arenas[i] = NO_ARENA;
}

static void
do_arena(unsigned how, unsigned self)
{
	unsigned i = how >> 4 & 1;

	switch (how % 6) {
	case 0:
		empty_arena(i, true);
		break;
	case 1:
		empty_arena(i, false);
		break;
	case 2:
		if (arenas[i] != NO_ARENA)
			call("arena.%u.purge", arenas[i]);
		break;
	case 3:
		/* The first thread's blocks are libc's and libFuzzer's too:
		 * they must not lie where everything is freed at once. */
		if (arenas[i] != NO_ARENA && self != 0)
			tri_mallctl("thread.arena", NULL, NULL, &arenas[i],
				    sizeof arenas[i]);
		break;
	case 4:
		tri_mallctl("thread.arena", NULL, NULL, &(unsigned){ 0 },
			    sizeof(unsigned));
		break;
	default:
		if (arenas[i] == NO_ARENA)
			arenas[i] = make("arenas.create");
	}
}

static void
do_cache(unsigned how)
{
	unsigned i = how >> 4 & 1;
	bool is_on = how >> 5 & 1;

	switch (how % 4) {
	case 0:
		if (caches[i] == NO_ARENA)
			caches[i] = make("tcache.create");
		break;
	case 1:
		if (caches[i] != NO_ARENA)
			must(tri_mallctl("tcache.flush", NULL, NULL, &caches[i],
					 sizeof caches[i]) == 0);
		break;
	case 2:
		if (caches[i] == NO_ARENA)
			break;
		must(tri_mallctl("tcache.destroy", NULL, NULL, &caches[i],
				 sizeof caches[i]) == 0);
		caches[i] = NO_ARENA;
		break;
	default:
		tri_mallctl("thread.tcache.enabled", NULL, NULL, &is_on,
			    sizeof is_on);
	}
}

static void
do_give_back(unsigned how)
{
	switch (how % 4) {
	case 0:
		tri_malloc_trim(0);
		break;
	case 1:
		call("thread.tcache.flush", 0);
		break;
	case 2:
		call("thread.idle", 0);
		break;
	default:
		/* A tick. */
		call("arena.4096.decay", 0);
	}
}

/* --- turns ---------------------------------------------------------------------------- */

enum { TO_SWITCH = 250, TO_END = 251, TO_FAIL = 252, AT_END = NTHREADS };

static void
do_one(unsigned what, unsigned self)
{
	struct slot *s = &slots[take_byte(&in) % NSLOTS];
	unsigned how = take_byte(&in);

	if (what < 100 && s->p == NULL)
		do_alloc(s, how);
	else if (what < 60)
		do_resize(s, how);
	else if (what < 180 && s->p != NULL)
		do_free(s, how);
	else if (what < 190)
		do_too_much(s);
	else if (what < 210)
		do_arena(how, self);
	else if (what < 225)
		do_cache(how);
	else if (what < 240)
		do_give_back(how);
	else if (what < 245)
		check_books();
	else if (s->p != NULL)
		slot_check(s, s->p, s->usable);
}

static struct {
	pthread_t id;
	bool is_born, is_over;
	sem_t go;
} threads[NTHREADS]; /* the first is the caller's */

static sem_t is_done;
static unsigned next; /* whose turn it is */

static void
fail(void)
{
	unsigned kind = take_byte(&in), nth = take_byte(&in);

	may_fail |= books_fault(kind, nth, kind >> 7);
}

/* Until it is another one's turn. */
static void
take_turn(unsigned self)
{
	while (next == self) {
		unsigned what = take_byte(&in);

		if (in.left == 0 || nsteps++ == NSTEPS) {
			next = AT_END;
		} else if (what == TO_SWITCH) {
			next = take_byte(&in) % NTHREADS;
		} else if (what == TO_END && self != 0) {
			threads[self].is_over = true;
			next = 0;
		} else if (what == TO_FAIL) {
			fail();
		} else {
			do_one(what, self);
		}
	}
}

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		must(errno == EINTR);
}

static void *
run_thread(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;
	bool is_over;

	do {
		wait_for(&threads[self].go);
		if (next == self)
			take_turn(self);
		is_over = threads[self].is_over;
		sem_post(&is_done);
	} while (!is_over);
	return NULL;
}

/* What libc takes for a thread, and gives back, is none of the model's. */
static void
count_anew(void)
{
	before = books_allocated() - live;
}

static void
join(unsigned i)
{
	pthread_join(threads[i].id, NULL);
	threads[i].is_born = threads[i].is_over = false;
	count_anew();
}

static void
give_turn(unsigned i)
{
	if (!threads[i].is_born) {
		threads[i].is_born = true;
		must(pthread_create(&threads[i].id, NULL, run_thread,
				    (void *)(uintptr_t)i) == 0);
		count_anew();
	}
	sem_post(&threads[i].go);
	wait_for(&is_done);
	if (threads[i].is_over)
		join(i);
}

static void
end_threads(void)
{
	for (unsigned i = 1; i < NTHREADS; i++) {
		if (!threads[i].is_born)
			continue;
		threads[i].is_over = true;
		sem_post(&threads[i].go);
		wait_for(&is_done);
		join(i);
	}
}

/* --- a program ------------------------------------------------------------------------- */

/* A trim thread would do what no input says. */
static void
begin_once(void)
{
	bool no = false;

	for (unsigned i = 0; i < NTHREADS; i++)
		sem_init(&threads[i].go, 0, 0);
	sem_init(&is_done, 0, 0);
	must(tri_mallctl("background_thread", NULL, NULL, &no, sizeof no) == 0);
}

static void
begin_all(const uint8_t *data, size_t size)
{
	static bool is_begun;

	if (!is_begun)
		begin_once();
	is_begun = true;
	in = (struct input){ data, size };
	for (unsigned i = 0; i < NMADE; i++)
		arenas[i] = caches[i] = NO_ARENA;
	live = nsteps = next = 0;
	may_fail = false;
	before = books_allocated();
}

/* Everything goes, so that the next program finds what this one found. */
static void
end_all(void)
{
	const bool is_cached = true;

	books_end_faults();
	check_books();
	for (unsigned i = 0; i < NSLOTS; i++) {
		if (slots[i].p != NULL)
			do_free(&slots[i], 5);
	}
	must(live == 0);
	check_books();
	end_threads();
	for (unsigned i = 0; i < NMADE; i++) {
		if (caches[i] != NO_ARENA)
			do_cache(2 | i << 4);
		empty_arena(i, true);
		must(arenas[i] == NO_ARENA);
	}
	must(tri_mallctl("thread.tcache.enabled", NULL, NULL,
			 (void *)(uintptr_t)&is_cached, sizeof is_cached) == 0);
	tri_malloc_trim(0);
	check_books();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_all(data, size);
	while (next != AT_END) {
		if (next == 0)
			take_turn(0);
		else
			give_turn(next);
	}
	end_all();
	return 0;
}
