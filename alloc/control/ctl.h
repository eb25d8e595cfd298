/*
 * ctl.h -- every figure and every switch by its name: jemalloc's mallctl.
 *
 * Above   api/jemalloc.c, and whoever shows the names to people
 * Lock    LOCK_CTL inside, for the snapshot that stats.* are read from; none
 *         of the caller's
 * Always  ctl.def has every name; what is not there is ENOENT
 *
 * Names, types and errors are those of jemalloc(3), 5.3: doc/ has the table of
 * how each is served. Names of our own begin with "trimalloc.".
 *
 * Results are 0 or
 *
 *	ENOENT	no such name, no such index, or a feature that is not built in
 *	EPERM	a write to what is read-only, a read of what is write-only
 *	EINVAL	a length that is not the type's, or no value for this name
 *	EAGAIN	no memory for the snapshot
 *	EFAULT	what was asked for could not be done
 */
#ifndef TRI_CONTROL_CTL_H
#define TRI_CONTROL_CTL_H

#include "../base/text.h"

enum ctl_type {
	CTL_BOOL,
	CTL_UNSIGNED,
	CTL_UINT32,
	CTL_UINT64,
	CTL_SIZE,
	CTL_SSIZE,
	CTL_STRING,
	CTL_POINTER,
	CTL_VOID, /* an action, without a value */
};

/* The most components of a name, and so the longest MIB. */
#define CTL_DEPTH 7u

/* As "all of them" where an arena's index stands, and all destroyed ones. */
#define CTL_ARENAS_ALL       4096u
#define CTL_ARENAS_DESTROYED 4097u

/*
 * Reads the old value into oldp (NULL: not wanted) and then writes the one at
 * newp (NULL: none). A length of oldp's that is not the type's gets as many
 * bytes as fit in both, their number in *oldlenp, and EINVAL; nothing is
 * written then.
 */
int ctl_by_name(const char *name, void *oldp, size_t *oldlenp, void *newp,
		size_t newlen);

/*
 * The numbers for ctl_by_mib: one per component of the name, of an index the
 * index itself, which may then be replaced. Up to *miblen of them; a name may
 * end early. *miblen: how many.
 */
int ctl_name_to_mib(const char *name, size_t *mib, size_t *miblen);
int ctl_by_mib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
	       void *newp, size_t newlen);

/* --- for people ---------------------------------------------------------- */

/* Appends the value: true, 42, words without quotes. */
int ctl_read_text(const char *name, struct text *out);

/*
 * The reverse, and for a name of type CTL_VOID the action ("" for a value).
 * EINVAL where it is no value of that type.
 */
int ctl_write_text(const char *name, const char *value);

/*
 * True for names that mean the calling thread or an address in this process:
 * EPERM by the two above.
 */
bool ctl_is_local(const char *name);

/* Every name that is served; "<i>" stands for an index. */
void ctl_list(void (*each)(const char *name, enum ctl_type type,
			   bool is_writable, void *arg),
	      void *arg);

/* The type's name in jemalloc's manual: "size_t". */
const char *ctl_type_name(enum ctl_type type);

/* Calls of realloc(p, 0). Relaxed: a number for reports. */
extern _Atomic size_t ctl_zero_reallocs;

/* --- for fork.c ---------------------------------------------------------- */

void ctl_lock(void);
void ctl_unlock(void);

#endif
