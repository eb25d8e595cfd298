/*
 * ctl.c -- mallctl: names, near names, MIBs and near MIBs; lengths and NULLs.
 *
 * The input is a row of calls: how it is said; a name with its indices, perhaps
 * changed; the buffers. What is written beyond
 * the length that was told is seen by the bytes behind it, or by a sanitizer.
 */
#include <errno.h>

#include "base/options.h"
#include "control/ctl_row.h"
#include "fuzz.h"
#include "pages/hooks.h"

#define NAME_BYTES 128
#define NCALLS     200
#define BEHIND     16u
#define MIB_MAX    (CTL_DEPTH + 1)

static struct input in;
static struct options default_values;
static struct option_texts default_texts;

/* --- names ------------------------------------------------------------------- */

static void
put_index(char *name, size_t cap, size_t *len)
{
	static const uint64_t far[] = { 4095,       4096,       4097, 4098,
					UINT32_MAX, UINT64_MAX, 63,   64 };
	unsigned kind = take_byte(&in);
	uint64_t n = kind & 0x80 ? far[kind % COUNT_OF(far)] : kind & 0x3f;

	*len += (size_t)snprintf(name + *len, cap - *len, "%llu",
				 (unsigned long long)n);
}

/* A line of text, its "<i>" and "<j>" numbers. */
static void
take_line(char *name, size_t cap)
{
	char *line = take_until(&in, '\n', NULL);
	const char *from = line;
	size_t len = 0;

	while (*from != '\0' && len + 24 < cap) {
		if (*from != '<') {
			name[len++] = *from++;
			continue;
		}
		put_index(name, cap, &len);
		from += strcspn(from, ">");
		from += *from == '>';
	}
	name[len] = '\0';
	free(line);
}

static void
change_name(char *name)
{
	size_t len = strlen(name), at = take_byte(&in) % (len + 1);

	switch (take_byte(&in) % 4) {
	case 0:
		name[at] = '\0';
		break;
	case 1:
		name[at] = at < len ? (char)take_byte(&in) : '\0';
		break;
	case 2:
		snprintf(name + len, NAME_BYTES - len, ".%c",
			 (char)take_byte(&in));
		break;
	default:
		memmove(name + at, name + at + (at < len),
			len - at + (at == len));
	}
}

static void
take_name(char *name, unsigned kind)
{
	memset(name, 0, NAME_BYTES);
	take_line(name, NAME_BYTES);
	if (kind % 8 == 6)
		change_name(name);
}

/* --- buffers ------------------------------------------------------------------- */

struct buffers {
	char *oldp, *newp;
	size_t oldlen, told, newlen;
	bool has_oldlen;
};

static size_t
take_length(void)
{
	unsigned kind = take_byte(&in);

	return kind < 200 ? kind % 20 : kind;
}

/*
 * What is read as an address must be one: those of text, of hooks, none. The
 * bytes that are no address may be any.
 */
static void
take_new(struct buffers *b, const struct ctl_row *row)
{
	static char words[32] = "disabled";
	static struct extent_hooks hooks;
	void *pointers[] = { NULL, words };
	bool is_hooks = row != NULL && (strstr(row->name, "hooks") != NULL ||
					strstr(row->name, "create") != NULL);
	bool is_pointer = row != NULL &&
			  (row->all != NULL || row->type == CTL_STRING ||
			   row->type == CTL_POINTER);
	unsigned which = take_byte(&in) & 1;

	if (is_hooks)
		pointers[1] = &hooks;
	if (take_byte(&in) % 3 == 0) {
		b->newlen = take_byte(&in) % 4 == 0 ? take_length() : 0;
		return;
	}
	b->newlen = take_length();
	b->newp = take_text(&in, b->newlen, NULL);
	b->newp = realloc(b->newp, b->newlen + sizeof(void *));
	if (is_pointer)
		memcpy(b->newp, &pointers[which], sizeof(void *));
	/* What a call may read ends with the length that it is told. */
	b->newp = realloc(b->newp, b->newlen + (b->newlen == 0));
}

static void
take_old(struct buffers *b)
{
	unsigned kind = take_byte(&in);

	b->has_oldlen = kind & 1;
	b->oldlen = b->told = take_length();
	if ((kind & 2) == 0)
		return;
	/* No place for a name: one of the library's is shown. */
	b->oldp = calloc(1, b->oldlen + BEHIND);
	memset(b->oldp + b->oldlen, 0xa5, BEHIND);
}

static void
check_old(const struct buffers *b, int err)
{
	must(b->told <= b->oldlen);
	if (err == 0)
		must(b->told == b->oldlen);
	for (size_t i = 0; b->oldp != NULL && i < BEHIND; i++)
		must((unsigned char)b->oldp[b->oldlen + i] == 0xa5);
}

static void
check_error(int err)
{
	static const int known[] = { 0,      ENOENT, EPERM, EINVAL,
				     EAGAIN, EFAULT, ENOMEM };
	bool is_known = false;

	for (size_t i = 0; i < COUNT_OF(known); i++)
		is_known |= err == known[i];
	must(is_known);
}

/* --- calls --------------------------------------------------------------------- */

static size_t *
old_length(struct buffers *b)
{
	return b->has_oldlen ? &b->told : NULL;
}

/* The same row by its numbers, which fails as it did by its name. */
static void
call_by_mib(const char *name, struct buffers *b)
{
	size_t mib[MIB_MAX], depth = MIB_MAX;
	int err = ctl_name_to_mib(name, mib, &depth);
	char *newp = b->newp;

	check_error(err);
	if (err != 0)
		return;
	must(depth <= CTL_DEPTH);
	if (depth > 0 && take_byte(&in) % 4 == 0) {
		mib[take_byte(&in) % depth] += take_number(&in, 1) - 128;
		depth -= take_byte(&in) % 2;
		/* Whatever it is now, it is not what the value is for. */
		newp = NULL;
	}
	check_error(ctl_by_mib(mib, depth, b->oldp, old_length(b), newp,
			       newp == NULL ? 0 : b->newlen));
}

/* Only the numbers that there is room for are written. */
static void
ask_numbers(const char *name)
{
	size_t room = take_byte(&in) % (MIB_MAX + 1), depth = room;
	size_t *mib = malloc((room + 1) * sizeof *mib);

	mib[room] = 0xa5a5;
	check_error(ctl_name_to_mib(name, mib, &depth));
	must(depth <= room && mib[room] == 0xa5a5);
	free(mib);
}

static void
ask_text(const char *name)
{
	size_t cap = take_byte(&in);
	char *buf = malloc(cap + 1);
	struct text t;

	text_init(&t, buf, cap);
	check_error(ctl_read_text(name, &t));
	must(t.len <= cap);
	free(buf);
}

/* Words for people: what they mean is the name's. */
static void
set_text(const char *name)
{
	char *value = take_until(&in, '\n', NULL);

	check_error(ctl_write_text(name, value));
	free(value);
}

static void
call_once(void)
{
	unsigned kind = take_byte(&in);
	struct buffers b = { 0 };
	struct ctl_call c = { 0 };
	char name[NAME_BYTES];
	int err;

	take_name(name, kind);
	if (kind >> 6 == 1) {
		ask_numbers(name);
		return;
	}
	if (kind >> 6 == 2) {
		ask_text(name);
		set_text(name);
		return;
	}
	take_new(&b, ctl_find(name, &c) == 0 ? c.row : NULL);
	take_old(&b);
	err = ctl_by_name(name, b.oldp, old_length(&b), b.newp, b.newlen);
	check_error(err);
	check_old(&b, err);
	b.told = b.oldlen;
	if (b.oldp != NULL)
		memset(b.oldp, 0, b.oldlen);
	call_by_mib(name, &b);
	check_old(&b, EINVAL);
	free(b.oldp);
	free(b.newp);
}

/* --- what one input leaves -------------------------------------------------------- */

static void
restore(void)
{
	static bool is_known;

	if (!is_known) {
		memcpy((void *)&default_values, (void *)&tri_options,
		       sizeof default_values);
		default_texts = tri_option_texts;
	}
	is_known = true;
	memcpy((void *)&tri_options, (void *)&default_values,
	       sizeof default_values);
	tri_option_texts = default_texts;
}

static void
end_what_was_made(void)
{
	char name[64];

	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof name, "arena.%u.destroy", i);
		ctl_by_name(name, NULL, NULL, NULL, 0);
		ctl_by_name("tcache.destroy", NULL, NULL, &i, sizeof i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct input){ data, size };
	restore();
	for (unsigned i = 0; i < NCALLS && in.left > 0; i++)
		call_once();
	end_what_was_made();
	return 0;
}
