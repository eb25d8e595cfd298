/*
 * ctl.c -- see ctl.h: from names and numbers to rows, and from rows to values.
 *
 * Rows with the same first components stand together, so a name is found by
 * narrowing a range of rows component by component. The number of a component
 * in a MIB is that of the first row that has it.
 */
#include <errno.h>
#include <string.h>

#include "ctl_row.h"

/* The part of a name up to the next dot. */
struct piece {
	const char *at;
	size_t len;
};

static struct piece
piece_at(const char *at)
{
	return (struct piece){ at, strcspn(at, ".") };
}

static bool
piece_equal(struct piece a, struct piece b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool
piece_is_index(struct piece p)
{
	return p.at[0] == '<';
}

/* A decimal number and nothing else. */
static bool
piece_number(struct piece p, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p.len; i++) {
		if (p.at[i] < '0' || p.at[i] > '9' ||
		    __builtin_mul_overflow(n, (size_t)10, &n) ||
		    __builtin_add_overflow(n, (size_t)(p.at[i] - '0'), &n))
			return false;
	}
	*out = n;
	return p.len > 0;
}

/* --- rows --------------------------------------------------------------------- */

/*
 * The rows that agree with what was said so far, and where their names go on;
 * NULL: they do not.
 */
struct range {
	size_t low, high;
	size_t at;
	unsigned nindices;
	size_t index[2];
	bool is_whole; /* the row `low` ends here */
};

static struct piece
range_piece(const struct range *r, size_t row)
{
	return piece_at(ctl_rows[row].name + r->at);
}

/* No name is the beginning of another one: its component ends as the other's. */
static bool
range_agree(const struct range *r, size_t row, struct piece p)
{
	return strncmp(ctl_rows[row].name + r->at, p.at, p.len + 1) == 0;
}

/* One component further, on the rows from `row` on that share it. */
static void
range_enter(struct range *r, size_t row)
{
	struct piece p = range_piece(r, row);
	size_t high = row + 1;

	while (high < r->high && range_agree(r, high, p))
		high++;
	r->low = row;
	r->high = high;
	r->at += p.len;
	r->is_whole = p.at[p.len] == '\0';
	r->at += !r->is_whole;
}

/* An index that exists. */
static bool
range_enter_index(struct range *r, size_t n)
{
	const char *name = ctl_rows[r->low].name;

	if (r->nindices == 2 || !ctl_has_index(name, r->at, n))
		return false;
	r->index[r->nindices++] = n;
	range_enter(r, r->low);
	return true;
}

static bool
range_enter_name(struct range *r, struct piece p)
{
	for (size_t row = r->low; row < r->high; row++) {
		if (!piece_equal(range_piece(r, row), p))
			continue;
		range_enter(r, row);
		return true;
	}
	return false;
}

/* By a component's text; its number in *mib. */
static bool
range_narrow(struct range *r, struct piece p, size_t *mib)
{
	if (r->is_whole)
		return false;
	if (piece_is_index(range_piece(r, r->low)))
		return piece_number(p, mib) && range_enter_index(r, *mib);
	if (!range_enter_name(r, p))
		return false;
	*mib = r->low;
	return true;
}

/* By its number, which must be that of the first row that has it. */
static bool
range_narrow_by(struct range *r, size_t mib)
{
	if (r->is_whole)
		return false;
	if (piece_is_index(range_piece(r, r->low)))
		return range_enter_index(r, mib);
	if (mib < r->low || mib >= r->high)
		return false;
	if (mib > r->low && range_agree(r, mib - 1, range_piece(r, mib)))
		return false;
	range_enter(r, mib);
	return true;
}

static struct range
range_all(void)
{
	return (struct range){ .high = ctl_nrows };
}

/* A whole name was said: the call of its row. */
static int
range_call(const struct range *r, struct ctl_call *c)
{
	if (!r->is_whole)
		return ENOENT;
	c->row = &ctl_rows[r->low];
	c->index[0] = r->index[0];
	c->index[1] = r->index[1];
	return 0;
}

int
ctl_find(const char *name, struct ctl_call *c)
{
	struct range r = range_all();
	size_t mib;

	for (;;) {
		struct piece p = piece_at(name);

		if (!range_narrow(&r, p, &mib))
			return ENOENT;
		if (p.at[p.len] == '\0')
			return range_call(&r, c);
		name += p.len + 1;
	}
}

/* --- values -------------------------------------------------------------------- */

size_t
ctl_type_bytes(enum ctl_type type)
{
	static const uint8_t bytes[] = {
		[CTL_BOOL] = sizeof(bool),
		[CTL_UNSIGNED] = sizeof(unsigned),
		[CTL_UINT32] = sizeof(uint32_t),
		[CTL_UINT64] = sizeof(uint64_t),
		[CTL_SIZE] = sizeof(size_t),
		[CTL_SSIZE] = sizeof(ssize_t),
		[CTL_STRING] = sizeof(char *),
		[CTL_POINTER] = sizeof(void *),
		[CTL_VOID] = 0,
	};

	return bytes[type];
}

int
ctl_give(const struct ctl_call *c, const void *value, size_t bytes)
{
	size_t n;

	if (c->oldp == NULL || c->oldlenp == NULL)
		return 0;
	n = min_size(*c->oldlenp, bytes);
	memcpy(c->oldp, value, n);
	if (*c->oldlenp == bytes)
		return 0;
	*c->oldlenp = n;
	return EINVAL;
}

int
ctl_take(const struct ctl_call *c, void *value, size_t bytes)
{
	if (c->newp == NULL)
		return 0;
	if (c->newlen != bytes)
		return EINVAL;
	memcpy(value, c->newp, bytes);
	return 0;
}

/* An action has no value, neither old nor new. */
static int
run_action(const struct ctl_call *c)
{
	if (c->oldp != NULL || c->oldlenp != NULL || c->newp != NULL ||
	    c->newlen != 0)
		return EPERM;
	return c->row->write(c, NULL);
}

static bool
is_permitted(const struct ctl_call *c)
{
	if (c->row->write == NULL && (c->newp != NULL || c->newlen != 0))
		return false;
	return c->row->read != NULL || (c->oldp == NULL && c->oldlenp == NULL);
}

/* Of the right length; a byte that is neither 0 nor 1 is no truth in C. */
static bool
is_value(const struct ctl_call *c)
{
	return c->newlen == ctl_type_bytes(c->row->type) &&
	       (c->row->type != CTL_BOOL || *(const uint8_t *)c->newp <= 1);
}

static int
run_read(const struct ctl_call *c)
{
	union ctl_value v;
	int err;

	if (c->row->read == NULL || c->oldp == NULL || c->oldlenp == NULL)
		return 0;
	memset(&v, 0, sizeof v);
	err = c->row->read(c, &v);
	return err != 0 ? err : ctl_give(c, &v, ctl_type_bytes(c->row->type));
}

static int
run_write(const struct ctl_call *c)
{
	union ctl_value v;
	int err;

	if (c->newp == NULL)
		return 0;
	memset(&v, 0, sizeof v);
	err = ctl_take(c, &v, ctl_type_bytes(c->row->type));
	return err != 0 ? err : c->row->write(c, &v);
}

/* Whoever writes the epoch wants to read the one that it made. */
static bool
writes_first(const struct ctl_row *row)
{
	return row->write == ctl_epoch_write;
}

int
ctl_run(const struct ctl_call *c)
{
	const struct ctl_row *row = c->row;
	int err;

	if (ctl_is_absent(row))
		return ENOENT;
	if (row->all != NULL)
		return row->all(c);
	if (row->type == CTL_VOID)
		return run_action(c);
	if (!is_permitted(c))
		return EPERM;
	/* Nothing happens by halves: the new value is looked at before. */
	if (c->newp != NULL && !is_value(c))
		return EINVAL;
	if (writes_first(row)) {
		err = run_write(c);
		return err != 0 ? err : run_read(c);
	}
	err = run_read(c);
	return err != 0 ? err : run_write(c);
}

/* --- the three calls ----------------------------------------------------------- */

int
ctl_by_name(const char *name, void *oldp, size_t *oldlenp, void *newp,
	    size_t newlen)
{
	struct ctl_call c = {
		.oldp = oldp, .oldlenp = oldlenp, .newp = newp, .newlen = newlen
	};
	int err = ctl_find(name, &c);

	return err != 0 ? err : ctl_run(&c);
}

int
ctl_by_mib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
	   void *newp, size_t newlen)
{
	struct ctl_call c = {
		.oldp = oldp, .oldlenp = oldlenp, .newp = newp, .newlen = newlen
	};
	struct range r = range_all();
	int err;

	for (size_t i = 0; i < miblen; i++) {
		if (!range_narrow_by(&r, mib[i]))
			return ENOENT;
	}
	err = range_call(&r, &c);
	return err != 0 ? err : ctl_run(&c);
}

int
ctl_name_to_mib(const char *name, size_t *mib, size_t *miblen)
{
	struct range r = range_all();
	size_t n = 0;

	while (n < *miblen) {
		struct piece p = piece_at(name);

		if (!range_narrow(&r, p, &mib[n]))
			return ENOENT;
		n++;
		if (p.at[p.len] == '\0')
			break;
		name += p.len + 1;
	}
	*miblen = n;
	return 0;
}
