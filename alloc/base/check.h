/*
 * check.h -- what happens when somebody is wrong.
 *
 * Above   every file of the allocator
 * Lock    none; the process ends
 * Always  ensure() stands in every build and names the caller's misuse or a
 *         kernel that broke its word; invariant() is our own bug and stands
 *         in debug builds; static_assert is for layouts
 */
#ifndef TRI_BASE_CHECK_H
#define TRI_BASE_CHECK_H

#include "base.h"
#include "text.h"

#if !defined(TRI_DEBUG)
#error "TRI_DEBUG is always defined, 0 or 1"
#endif

/* Writes "trimalloc: <sentence>" to stderr and aborts; locks may be held. */
_Noreturn void die(const char *sentence);

/*
 * The same for a text that somebody put together, with no lock held: a JVM is
 * given the time to write its hs_err file.
 */
_Noreturn void die_text(struct text *t);

/*
 * The same with locks held, for which a handler might wait: a JVM's is not
 * called, and one for SIGABRT has ten seconds.
 */
_Noreturn void die_text_locked(struct text *t);

/* One line to stderr, "trimalloc: <sentence>"; the process goes on. */
void complain(const char *sentence);

/*
 * The process's stderr, also for a thread with a table of descriptors of its
 * own (os.h, os_own_files); give it back afterwards. STDERR_FILENO where it is
 * not to be had: what is written to that is then lost.
 */
int stderr_borrow(void);
void stderr_return(int fd);

#define ensure(cond, sentence)                    \
	do {                                      \
		if (__builtin_expect(!(cond), 0)) \
			die(sentence);            \
	} while (0)

#define CHECK_STR2(x) #x
#define CHECK_STR(x)  CHECK_STR2(x)

#define invariant(cond)                                                \
	do {                                                           \
		if (TRI_DEBUG && !(cond))                              \
			die("invariant broken: " #cond " at " __FILE__ \
			    ":" CHECK_STR(__LINE__));                  \
	} while (0)

#endif
