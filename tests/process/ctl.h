/*
 * ctl.h -- the functions of jemalloc's control interface, as a process finds
 * them in the library; for tests of what they say.
 */
#ifndef TRI_TESTS_PROCESS_CTL_H
#define TRI_TESTS_PROCESS_CTL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "case.h"
#include "library.h"

static struct {
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	int (*nametomib)(const char *, size_t *, size_t *);
	int (*bymib)(const size_t *, size_t, void *, size_t *, void *, size_t);
	void (*stats_print)(void (*)(void *, const char *), void *,
			    const char *);
} ctl;

#define LOOK_UP(member, name) \
	(*(void **)(void *)&ctl.member = library_function(name))

static inline void
load(void)
{
	LOOK_UP(mallctl, "mallctl");
	LOOK_UP(nametomib, "mallctlnametomib");
	LOOK_UP(bymib, "mallctlbymib");
	LOOK_UP(stats_print, "malloc_stats_print");
}

#define READ(name, type)                                                    \
	({                                                                  \
		type got;                                                   \
		size_t got_len = sizeof got;                                \
		expect_for(ctl.mallctl(name, &got, &got_len, NULL, 0) == 0, \
			   "%s", name);                                     \
		expect(got_len == sizeof got);                              \
		got;                                                        \
	})

#define ANSWERS(error, name, type, value)                                     \
	do {                                                                  \
		type put = (value);                                           \
		expect_for(ctl.mallctl(name, NULL, NULL, &put, sizeof put) == \
				   (error),                                   \
			   "%s", name);                                       \
	} while (0)

#define WRITE(name, type, value) ANSWERS(0, name, type, value)

#define CALL(name) \
	expect_for(ctl.mallctl(name, NULL, NULL, NULL, 0) == 0, "%s", name)

#define NEXT_EPOCH() WRITE("epoch", uint64_t, 1)

/* What malloc_stats_print says is told by its length alone. */
static inline void
count_bytes(void *arg, const char *s)
{
	*(size_t *)arg += strlen(s);
}

#endif
