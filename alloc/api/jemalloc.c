/*
 * jemalloc.c -- jemalloc's interface to what it does: mallctl and the like.
 *
 * Programs made for jemalloc find their names here, so that preloaded they
 * take none of them from the real one, whose pointers are not ours.
 */
#include <errno.h>

#include "../control/ctl.h"
#include "api.h"

EXPORT int
tri_mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp,
	    size_t newlen)
{
	int before = errno, err;

	boot();
	err = ctl_by_name(name, oldp, oldlenp, newp, newlen);
	errno = before;
	return err;
}
INTERPOSE(int, mallctl, (const char *, void *, size_t *, void *, size_t))

EXPORT int
tri_mallctlnametomib(const char *name, size_t *mib, size_t *miblen)
{
	int before = errno, err;

	boot();
	err = ctl_name_to_mib(name, mib, miblen);
	errno = before;
	return err;
}
INTERPOSE(int, mallctlnametomib, (const char *, size_t *, size_t *))

EXPORT int
tri_mallctlbymib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
		 void *newp, size_t newlen)
{
	int before = errno, err;

	boot();
	err = ctl_by_mib(mib, miblen, oldp, oldlenp, newp, newlen);
	errno = before;
	return err;
}
INTERPOSE(int, mallctlbymib,
	  (const size_t *, size_t, void *, size_t *, void *, size_t))
