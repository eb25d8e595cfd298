/*
 * faults.h -- kernel calls that fail when a test says so; debug builds only.
 *
 * Above   the tests of the floors above os
 * Lock    none; set while no other thread makes such calls
 * Always  counting begins anew with each of these calls
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "os/os.h"

static inline void
faults_none(void)
{
	for (unsigned i = 0; i < OS_NCALLS; i++) {
		atomic_store(&os_faults.fail_at[i], 0);
		atomic_store(&os_faults.count[i], 0);
	}
	atomic_store(&os_faults.for_good, false);
}

/* The k-th call from now on fails, once. */
static inline void
fault_once(enum os_call call, unsigned k)
{
	faults_none();
	atomic_store(&os_faults.fail_at[call], k);
}

/* All calls from the k-th on fail. */
static inline void
fault_for_good(enum os_call call, unsigned k)
{
	faults_none();
	atomic_store(&os_faults.fail_at[call], k);
	atomic_store(&os_faults.for_good, true);
}

/* Calls since then. */
static inline unsigned
faults_count(enum os_call call)
{
	return atomic_load(&os_faults.count[call]);
}

#endif
