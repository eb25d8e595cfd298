/*
 * ctl_row.h -- a row of the table of names, and what its handlers are given.
 *
 * Above   the handlers: ctl_*.c, and ctl.c, which calls them
 * Lock    none is held when a handler runs
 * Always  rows that share their first components stand together
 *
 * A handler that reads leaves its value in the member of the row's type; one
 * that writes finds it there, of the right length. The engine does the rest:
 * lengths, permissions, NULLs. Where that does not do, a row has a handler of
 * the whole call.
 */
#ifndef TRI_CONTROL_CTL_ROW_H
#define TRI_CONTROL_CTL_ROW_H

#include <sys/types.h>

#include "ctl.h"

union ctl_value {
	bool is;           /* CTL_BOOL */
	unsigned u;        /* CTL_UNSIGNED */
	uint32_t u32;      /* CTL_UINT32 */
	uint64_t u64;      /* CTL_UINT64 */
	size_t size;       /* CTL_SIZE */
	ssize_t ssize;     /* CTL_SSIZE */
	const char *words; /* CTL_STRING */
	void *pointer;     /* CTL_POINTER */
};

struct ctl_row;

struct ctl_call {
	const struct ctl_row *row;
	size_t index[2]; /* the numbers in the name, <i> and <j> */
	void *oldp;      /* and the arguments, for handlers of all */
	size_t *oldlenp;
	void *newp;
	size_t newlen;
};

typedef int ctl_read_fn(const struct ctl_call *c, union ctl_value *v);
typedef int ctl_write_fn(const struct ctl_call *c, const union ctl_value *v);
typedef int ctl_all_fn(const struct ctl_call *c);

struct ctl_row {
	const char *name;
	ctl_read_fn *read; /* NULL: not to be read */
	ctl_write_fn
		*write;  /* NULL: not to be written; the action of CTL_VOID */
	ctl_all_fn *all; /* instead of both */
	uintptr_t arg;   /* the handlers' own */
	enum ctl_type type;
};

/* A row without any handler: a feature that is not built in. */
ALWAYS_INLINE bool
ctl_is_absent(const struct ctl_row *row)
{
	return row->read == NULL && row->write == NULL && row->all == NULL;
}

extern const struct ctl_row ctl_rows[];
extern const size_t ctl_nrows;

/* Bytes of a value; 0 of CTL_VOID. */
size_t ctl_type_bytes(enum ctl_type type);

/*
 * For handlers of whole calls: copies a value out as ctl_by_name says, and
 * takes one in. Both do nothing, successfully, where there is no pointer.
 */
int ctl_give(const struct ctl_call *c, const void *value, size_t bytes);
int ctl_take(const struct ctl_call *c, void *value, size_t bytes);

/*
 * The row of a whole name, and its indices; ENOENT. Absent rows are found.
 */
int ctl_find(const char *name, struct ctl_call *c);

/* As ctl_read_text for a value that was read. */
void ctl_value_text(struct text *t, enum ctl_type type,
		    const union ctl_value *v);

/*
 * True where the index n may stand behind the first `at` bytes of a row's
 * name: an arena, a class.
 */
bool ctl_has_index(const char *name, size_t at, size_t n);

/* Reads and writes rows whose call was found. */
int ctl_run(const struct ctl_call *c);

/* --- handlers, and what they share ------------------------------------------- */

/* ctl_conf.c: what was decided before. */
ctl_read_fn ctl_constant;    /* arg: the number or truth itself */
ctl_read_fn ctl_words;       /* arg: the words' address */
ctl_read_fn ctl_option_read; /* arg: place of the option in its table */
ctl_write_fn ctl_option_write;
ctl_read_fn ctl_junk_read, ctl_zero_read; /* in jemalloc's words */

/* ctl_stats.c: the snapshot. arg: an offset in the record that is named. */
ctl_read_fn ctl_epoch_read;
ctl_write_fn ctl_epoch_write;
ctl_read_fn ctl_figure;        /* struct ctl_view */
ctl_read_fn ctl_kernel_figure; /* struct stats, which the kernel was asked */
ctl_read_fn ctl_class_figure;  /* struct class_stats */
ctl_read_fn ctl_arena_figure;  /* struct ctl_arena */
ctl_read_fn ctl_bin_figure;    /* struct ctl_bin */
ctl_read_fn ctl_lextent_figure;
ctl_read_fn ctl_zero_reallocs_read;

/* ctl_arena.c: arenas, classes, and giving back. */
ctl_read_fn ctl_narenas, ctl_narenas_of_threads, ctl_ncached;
ctl_read_fn ctl_class_size, ctl_bin_nregs, ctl_lextent_size;
ctl_read_fn ctl_decay_read, ctl_muzzy_read, ctl_dss_read;
ctl_write_fn ctl_decay_write, ctl_decay_default_write, ctl_muzzy_write;
ctl_write_fn ctl_dss_write, ctl_grow_limit_write, ctl_trim, ctl_tick;
ctl_all_fn ctl_lookup;

/* ctl_thread.c: the calling thread, and the trim thread. */
ctl_read_fn ctl_thread_arena_read, ctl_cached_read, ctl_background_read;
ctl_write_fn ctl_thread_arena_write, ctl_cached_write, ctl_background_write;
ctl_write_fn ctl_flush, ctl_idle, ctl_background_max_write;

/* ctl_made.c: arenas and caches that the program makes, a thread's bytes. */
ctl_all_fn ctl_tcache_create;
ctl_write_fn ctl_tcache_flush, ctl_tcache_destroy;
ctl_all_fn ctl_arena_create, ctl_arena_name;
ctl_read_fn ctl_arena_initialized, ctl_arena_decay_read, ctl_hooks_read;
ctl_write_fn ctl_hooks_write;
ctl_write_fn ctl_arena_reset, ctl_arena_destroy, ctl_arena_purge,
	ctl_arena_decay, ctl_arena_decay_write;
ctl_read_fn ctl_thread_bytes, ctl_thread_bytes_at; /* arg: which, its offset */

#endif
