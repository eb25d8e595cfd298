/*
 * guard_report.c -- see guard_report.h.
 */
#include <string.h>

#include "../base/check.h"
#include "../os/os.h"
#include "guard_report.h"
#include "modules.h"

#define NFRAMES_MAX 24u

/* Words in which the library's own frames end, in whatever build. */
#define OWN_WORDS 48u

/* Code addresses have no more bits; those above may be a signature's. */
#define ADDRESS_BITS UINT64_C(0x0000ffffffffffff)

/* The thread that reports, by its number; 0: none. */
static _Atomic int reporter;

/* Its own, for a signal handler's stack may be small. */
static struct {
	struct text text;
	char buf[8 * KIB];
	struct guard_note here;
	bool has_modules;
} report;

/* False where the calling thread is reporting already. */
static bool
begin(void)
{
	int self = os_thread_id(), nobody = 0;

	/* Acquire: pairs with the release in end(). */
	while (!atomic_compare_exchange_strong_explicit(
		&reporter, &nobody, self, memory_order_acquire,
		memory_order_acquire)) {
		if (nobody == self)
			return false;
		nobody = 0;
		os_yield();
	}
	text_init(&report.text, report.buf, sizeof report.buf);
	report.has_modules = modules_read();
	return true;
}

static void
say(struct text *t)
{
	int fd = stderr_borrow();

	text_write(t, fd);
	stderr_return(fd);
}

static void
end(void)
{
	say(&report.text);
	atomic_store_explicit(&reporter, 0, memory_order_release);
}

void
guard_report_child(void)
{
	atomic_store_explicit(&reporter, 0, memory_order_relaxed);
}

/* --- stacks ------------------------------------------------------------------- */

/* The module that a word returns to, or NULL: it is no return address. */
static const struct module *
returns_to(uintptr_t word)
{
	const struct module *m = module_find(word & ADDRESS_BITS);

	return m != NULL && module_calls_before(m, word & ADDRESS_BITS) ? m
									: NULL;
}

/* Where words[i] points in the copy, further up; 0: not there. */
static size_t
points_to(const struct stack_copy *s, size_t i)
{
	uintptr_t offset = s->words[i] - s->at;
	size_t to = offset / sizeof(uintptr_t);

	if (s->words[i] < s->at ||
	    offset % (2 * sizeof(uintptr_t)) != s->at % 16)
		return 0;
	return to > i && to + 1 < s->nwords ? to : 0;
}

/* A return address behind a frame pointer that leads to another such pair. */
static bool
is_certain(const struct stack_copy *s, size_t i)
{
	size_t next = i == 0 ? 0 : points_to(s, i - 1);

	return next != 0 && returns_to(s->words[next + 1]) != NULL;
}

static bool
is_ours(const struct module *m)
{
	const char *slash = strrchr(m->name, '/');

	return slash != NULL && strncmp(slash, "/libtrimalloc", 13) == 0;
}

/* Behind the library's own frames, at the beginning of a copy made in it. */
static size_t
behind_ours(const struct stack_copy *s)
{
	size_t first = 0;

	for (size_t i = 0; i < s->nwords && i < OWN_WORDS; i++) {
		const struct module *m = returns_to(s->words[i]);

		if (m != NULL && is_ours(m))
			first = i + 1;
	}
	return first;
}

static void
text_frame(uintptr_t pc, const struct module *m, bool is_sure)
{
	struct text *t = &report.text;

	text_str(t, "trimalloc:     ");
	text_hex(t, pc);
	text_str(t, " ");
	if (m == NULL || m->name[0] == '\0') {
		text_str(t, m == NULL ? "(no code)" : "(generated code)");
	} else {
		text_str(t, m->name);
		text_str(t, "+");
		text_hex(t, pc - m->bias);
	}
	text_str(t, is_sure ? "\n" : " ?\n");
}

static void
text_stack(const struct stack_copy *s, size_t first)
{
	unsigned n = 0;

	if (!report.has_modules)
		text_str(&report.text, "trimalloc:     its calls are not known "
				       "without /proc/self/maps\n");
	for (size_t i = first; i < s->nwords && n < NFRAMES_MAX; i++) {
		const struct module *m = returns_to(s->words[i]);

		if (m == NULL)
			continue;
		text_frame(s->words[i] & ADDRESS_BITS, m, is_certain(s, i));
		n++;
	}
}

/* "trimalloc:   allocated by thread 17 (main):"; names steer no terminal. */
static void
text_thread(const char *what, const struct guard_note *n)
{
	struct text *t = &report.text;

	text_str(t, "trimalloc:   ");
	text_str(t, what);
	text_str(t, "by thread ");
	text_uint(t, (uint64_t)n->tid);
	text_str(t, " (");
	for (const char *c = n->name; *c != '\0'; c++)
		text_mem(t, *c >= ' ' && *c != 0x7f ? c : "?", 1);
	text_str(t, "):\n");
}

static void
text_note(const char *what, const struct guard_note *n)
{
	text_thread(what, n);
	text_stack(&n->stack, behind_ours(&n->stack));
}

/* What there is room for is written at once, so that lines stay together. */
static void
text_history(const struct guard_slot *s)
{
	if (s->block == NULL)
		return;
	say(&report.text);
	text_note("allocated ", &s->allocated);
	say(&report.text);
	if (s->freed.tid != 0)
		text_note("freed ", &s->freed);
}

/* --- sentences ------------------------------------------------------------------ */

static void
text_access(enum guard_access access, const void *addr)
{
	static const char *const words[] = { "access to ", "read from ",
					     "write to " };

	text_str(&report.text, words[access]);
	text_hex(&report.text, (uintptr_t)addr);
	text_str(&report.text, ", ");
}

static void
text_block(const struct guard_slot *s)
{
	struct text *t = &report.text;

	text_str(t, s->freed.tid != 0 ? "a freed block of " : "a block of ");
	text_uint(t, s->bytes);
	text_str(t, " bytes at ");
	text_hex(t, (uintptr_t)s->block);
	text_str(t, "\n");
}

static const char *
kind(const struct guard_slot *s, const char *addr)
{
	if (s->freed.tid != 0)
		return "use after free: ";
	return addr < s->block ? "underflow: " : "overflow: ";
}

static void
text_fault(const struct guard_slot *s, const char *addr,
	   enum guard_access access)
{
	struct text *t = &report.text;

	text_str(t, "trimalloc: ");
	if (s->block == NULL) {
		text_str(t, "wild access: ");
		text_access(access, addr);
		text_str(t, "a guard page next to no block\n");
		return;
	}
	text_str(t, kind(s, addr));
	text_access(access, addr);
	if (addr < s->block) {
		text_uint(t, (size_t)(s->block - addr));
		text_str(t, " bytes in front of ");
	} else if (addr < s->block + s->bytes) {
		text_uint(t, (size_t)(addr - s->block));
		text_str(t, " bytes into ");
	} else {
		text_uint(t, (size_t)(addr - s->block) - s->bytes);
		text_str(t, " bytes behind the end of ");
	}
	text_block(s);
}

/* --- reports --------------------------------------------------------------------- */

void
guard_report_fault(const void *addr, enum guard_access access, uintptr_t pc,
		   uintptr_t sp)
{
	struct guard_slot *s = guard_slot_near(addr);

	if (!guard_note_error(s) || !begin())
		return;
	report.here.tid = os_thread_id();
	os_thread_name(report.here.name);
	stack_copy(&report.here.stack, sp);
	text_fault(s, addr, access);
	text_thread("", &report.here);
	text_frame(pc, module_find(pc), true);
	text_stack(&report.here.stack, 0);
	text_history(s);
	end();
}

void
guard_report_misuse(struct text *sentence, struct guard_slot *s)
{
	guard_note_error(s);
	/* A signal handler that came upon a report: the sentence at least. */
	if (!begin()) {
		say(sentence);
		return;
	}
	text_mem(&report.text, sentence->buf, sentence->len);
	text_history(s);
	end();
}
