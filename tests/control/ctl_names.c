/*
 * ctl_names.c -- every name of jemalloc(3), 5.3: its type, what may be done
 * with it, and whether it is served or answered as by a build without it.
 */
#include <errno.h>

#include "cache/floor.h"
#include "control/ctl_row.h"

enum answer { SERVED, ABSENT };

static const struct name {
	const char *name;
	enum ctl_type type;
	const char *access;
	enum answer answer;
} names[] = {
	{ "version", CTL_STRING, "r-", SERVED },
	{ "epoch", CTL_UINT64, "rw", SERVED },
	{ "background_thread", CTL_BOOL, "rw", SERVED },
	{ "max_background_threads", CTL_SIZE, "rw", SERVED },
	{ "config.cache_oblivious", CTL_BOOL, "r-", SERVED },
	{ "config.debug", CTL_BOOL, "r-", SERVED },
	{ "config.fill", CTL_BOOL, "r-", SERVED },
	{ "config.lazy_lock", CTL_BOOL, "r-", SERVED },
	{ "config.malloc_conf", CTL_STRING, "r-", SERVED },
	{ "config.prof", CTL_BOOL, "r-", SERVED },
	{ "config.prof_libgcc", CTL_BOOL, "r-", SERVED },
	{ "config.prof_libunwind", CTL_BOOL, "r-", SERVED },
	{ "config.stats", CTL_BOOL, "r-", SERVED },
	{ "config.utrace", CTL_BOOL, "r-", SERVED },
	{ "config.xmalloc", CTL_BOOL, "r-", SERVED },
	{ "opt.abort", CTL_BOOL, "r-", SERVED },
	{ "opt.confirm_conf", CTL_BOOL, "r-", SERVED },
	{ "opt.abort_conf", CTL_BOOL, "r-", SERVED },
	{ "opt.cache_oblivious", CTL_BOOL, "r-", SERVED },
	{ "opt.metadata_thp", CTL_STRING, "r-", SERVED },
	{ "opt.trust_madvise", CTL_BOOL, "r-", SERVED },
	{ "opt.retain", CTL_BOOL, "r-", SERVED },
	{ "opt.dss", CTL_STRING, "r-", SERVED },
	{ "opt.narenas", CTL_UNSIGNED, "r-", SERVED },
	{ "opt.oversize_threshold", CTL_SIZE, "r-", SERVED },
	{ "opt.percpu_arena", CTL_STRING, "r-", SERVED },
	{ "opt.background_thread", CTL_BOOL, "r-", SERVED },
	{ "opt.max_background_threads", CTL_SIZE, "r-", SERVED },
	{ "opt.dirty_decay_ms", CTL_SSIZE, "r-", SERVED },
	{ "opt.muzzy_decay_ms", CTL_SSIZE, "r-", SERVED },
	{ "opt.lg_extent_max_active_fit", CTL_SIZE, "r-", ABSENT },
	{ "opt.stats_print", CTL_BOOL, "r-", SERVED },
	{ "opt.stats_print_opts", CTL_STRING, "r-", SERVED },
	{ "opt.stats_interval", CTL_SSIZE, "r-", SERVED },
	{ "opt.stats_interval_opts", CTL_STRING, "r-", SERVED },
	{ "opt.junk", CTL_STRING, "r-", SERVED },
	{ "opt.zero", CTL_BOOL, "r-", SERVED },
	{ "opt.utrace", CTL_BOOL, "r-", ABSENT },
	{ "opt.xmalloc", CTL_BOOL, "r-", SERVED },
	{ "opt.tcache", CTL_BOOL, "r-", SERVED },
	{ "opt.tcache_max", CTL_SIZE, "r-", SERVED },
	{ "opt.thp", CTL_STRING, "r-", SERVED },
	{ "opt.prof", CTL_BOOL, "r-", SERVED },
	{ "opt.prof_prefix", CTL_STRING, "r-", ABSENT },
	{ "opt.prof_active", CTL_BOOL, "r-", SERVED },
	{ "opt.prof_thread_active_init", CTL_BOOL, "r-", ABSENT },
	{ "opt.lg_prof_sample", CTL_SIZE, "r-", ABSENT },
	{ "opt.prof_accum", CTL_BOOL, "r-", ABSENT },
	{ "opt.lg_prof_interval", CTL_SSIZE, "r-", ABSENT },
	{ "opt.prof_gdump", CTL_BOOL, "r-", ABSENT },
	{ "opt.prof_final", CTL_BOOL, "r-", ABSENT },
	{ "opt.prof_leak", CTL_BOOL, "r-", ABSENT },
	{ "opt.prof_leak_error", CTL_BOOL, "r-", ABSENT },
	{ "opt.zero_realloc", CTL_STRING, "r-", SERVED },
	{ "thread.arena", CTL_UNSIGNED, "rw", SERVED },
	{ "thread.allocated", CTL_UINT64, "r-", SERVED },
	{ "thread.allocatedp", CTL_POINTER, "r-", SERVED },
	{ "thread.deallocated", CTL_UINT64, "r-", SERVED },
	{ "thread.deallocatedp", CTL_POINTER, "r-", SERVED },
	{ "thread.peak.read", CTL_UINT64, "r-", ABSENT },
	{ "thread.peak.reset", CTL_VOID, "--", ABSENT },
	{ "thread.tcache.enabled", CTL_BOOL, "rw", SERVED },
	{ "thread.tcache.flush", CTL_VOID, "--", SERVED },
	{ "thread.prof.name", CTL_STRING, "rw", ABSENT },
	{ "thread.prof.active", CTL_BOOL, "rw", ABSENT },
	{ "thread.idle", CTL_VOID, "--", SERVED },
	{ "tcache.create", CTL_UNSIGNED, "r-", SERVED },
	{ "tcache.flush", CTL_UNSIGNED, "-w", SERVED },
	{ "tcache.destroy", CTL_UNSIGNED, "-w", SERVED },
	{ "arena.<i>.initialized", CTL_BOOL, "r-", SERVED },
	{ "arena.<i>.decay", CTL_VOID, "--", SERVED },
	{ "arena.<i>.purge", CTL_VOID, "--", SERVED },
	{ "arena.<i>.reset", CTL_VOID, "--", SERVED },
	{ "arena.<i>.destroy", CTL_VOID, "--", SERVED },
	{ "arena.<i>.dss", CTL_STRING, "rw", SERVED },
	{ "arena.<i>.dirty_decay_ms", CTL_SSIZE, "rw", SERVED },
	{ "arena.<i>.muzzy_decay_ms", CTL_SSIZE, "rw", SERVED },
	{ "arena.<i>.extent_hooks", CTL_POINTER, "rw", SERVED },
	{ "arena.<i>.retain_grow_limit", CTL_SIZE, "rw", SERVED },
	{ "arenas.narenas", CTL_UNSIGNED, "r-", SERVED },
	{ "arenas.dirty_decay_ms", CTL_SSIZE, "rw", SERVED },
	{ "arenas.muzzy_decay_ms", CTL_SSIZE, "rw", SERVED },
	{ "arenas.quantum", CTL_SIZE, "r-", SERVED },
	{ "arenas.page", CTL_SIZE, "r-", SERVED },
	{ "arenas.tcache_max", CTL_SIZE, "r-", SERVED },
	{ "arenas.nbins", CTL_UNSIGNED, "r-", SERVED },
	{ "arenas.nhbins", CTL_UNSIGNED, "r-", SERVED },
	{ "arenas.bin.<i>.size", CTL_SIZE, "r-", SERVED },
	{ "arenas.bin.<i>.nregs", CTL_UINT32, "r-", SERVED },
	{ "arenas.bin.<i>.slab_size", CTL_SIZE, "r-", SERVED },
	{ "arenas.nlextents", CTL_UNSIGNED, "r-", SERVED },
	{ "arenas.lextent.<i>.size", CTL_SIZE, "r-", SERVED },
	{ "arenas.create", CTL_UNSIGNED, "rw", SERVED },
	{ "arenas.lookup", CTL_UNSIGNED, "rw", SERVED },
	{ "prof.thread_active_init", CTL_BOOL, "rw", ABSENT },
	{ "prof.active", CTL_BOOL, "rw", ABSENT },
	{ "prof.dump", CTL_STRING, "-w", ABSENT },
	{ "prof.prefix", CTL_STRING, "-w", ABSENT },
	{ "prof.gdump", CTL_BOOL, "rw", ABSENT },
	{ "prof.reset", CTL_SIZE, "-w", ABSENT },
	{ "prof.lg_sample", CTL_SIZE, "r-", ABSENT },
	{ "prof.interval", CTL_UINT64, "r-", ABSENT },
	{ "stats.allocated", CTL_SIZE, "r-", SERVED },
	{ "stats.active", CTL_SIZE, "r-", SERVED },
	{ "stats.metadata", CTL_SIZE, "r-", SERVED },
	{ "stats.metadata_thp", CTL_SIZE, "r-", SERVED },
	{ "stats.resident", CTL_SIZE, "r-", SERVED },
	{ "stats.mapped", CTL_SIZE, "r-", SERVED },
	{ "stats.retained", CTL_SIZE, "r-", SERVED },
	{ "stats.zero_reallocs", CTL_SIZE, "r-", SERVED },
	{ "stats.background_thread.num_threads", CTL_SIZE, "r-", SERVED },
	{ "stats.background_thread.num_runs", CTL_UINT64, "r-", SERVED },
	{ "stats.background_thread.run_interval", CTL_UINT64, "r-", SERVED },
	{ "stats.mutexes.ctl.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.ctl.num_spin_acq", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.ctl.num_wait", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.ctl.max_wait_time", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.ctl.total_wait_time", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.ctl.max_num_thds", CTL_UINT32, "r-", ABSENT },
	{ "stats.mutexes.ctl.num_owner_switch", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.background_thread.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.background_thread.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.background_thread.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.background_thread.max_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.background_thread.total_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.background_thread.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.mutexes.background_thread.num_owner_switch", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.prof.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof.num_spin_acq", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof.num_wait", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof.max_wait_time", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof.total_wait_time", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof.max_num_thds", CTL_UINT32, "r-", ABSENT },
	{ "stats.mutexes.prof.num_owner_switch", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_thds_data.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_thds_data.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.prof_thds_data.num_wait", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_thds_data.max_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.prof_thds_data.total_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.prof_thds_data.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.mutexes.prof_thds_data.num_owner_switch", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.prof_dump.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_dump.num_spin_acq", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_dump.num_wait", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_dump.max_wait_time", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_dump.total_wait_time", CTL_UINT64, "r-", ABSENT },
	{ "stats.mutexes.prof_dump.max_num_thds", CTL_UINT32, "r-", ABSENT },
	{ "stats.mutexes.prof_dump.num_owner_switch", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.mutexes.reset", CTL_VOID, "--", ABSENT },
	{ "stats.arenas.<i>.dss", CTL_STRING, "r-", SERVED },
	{ "stats.arenas.<i>.dirty_decay_ms", CTL_SSIZE, "r-", SERVED },
	{ "stats.arenas.<i>.muzzy_decay_ms", CTL_SSIZE, "r-", SERVED },
	{ "stats.arenas.<i>.nthreads", CTL_UNSIGNED, "r-", SERVED },
	{ "stats.arenas.<i>.uptime", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.pactive", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.pdirty", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.pmuzzy", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.mapped", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.retained", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.extent_avail", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.base", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.internal", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.metadata_thp", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.resident", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.dirty_npurge", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.dirty_nmadvise", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.dirty_purged", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.muzzy_npurge", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.muzzy_nmadvise", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.muzzy_purged", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.small.allocated", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.small.nmalloc", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.small.ndalloc", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.small.nrequests", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.small.nfills", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.small.nflushes", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.large.allocated", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.large.nmalloc", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.large.ndalloc", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.large.nrequests", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.large.nfills", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.large.nflushes", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nmalloc", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.ndalloc", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nrequests", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.curregs", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nfills", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nflushes", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nslabs", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nreslabs", CTL_UINT64, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.curslabs", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.nonfull_slabs", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.bins.<j>.mutex.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.bins.<j>.mutex.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.bins.<j>.mutex.num_wait", CTL_UINT64, "r-",
	  SERVED },
	{ "stats.arenas.<i>.bins.<j>.mutex.max_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.bins.<j>.mutex.total_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.bins.<j>.mutex.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.bins.<j>.mutex.num_owner_switch", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.extents.<j>.ndirty", CTL_SIZE, "r-", ABSENT },
	{ "stats.arenas.<i>.extents.<j>.nmuzzy", CTL_SIZE, "r-", ABSENT },
	{ "stats.arenas.<i>.extents.<j>.nretained", CTL_SIZE, "r-", ABSENT },
	{ "stats.arenas.<i>.extents.<j>.dirty_bytes", CTL_SIZE, "r-", ABSENT },
	{ "stats.arenas.<i>.extents.<j>.muzzy_bytes", CTL_SIZE, "r-", ABSENT },
	{ "stats.arenas.<i>.extents.<j>.retained_bytes", CTL_SIZE, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.lextents.<j>.nmalloc", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.lextents.<j>.ndalloc", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.lextents.<j>.nrequests", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.lextents.<j>.curlextents", CTL_SIZE, "r-", SERVED },
	{ "stats.arenas.<i>.mutexes.large.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.large.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.large.num_wait", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.large.max_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.large.total_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.large.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.large.num_owner_switch", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.num_spin_acq", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.total_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.max_num_thds", CTL_UINT32,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extent_avail.num_owner_switch", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.num_spin_acq", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.total_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.max_num_thds", CTL_UINT32,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_dirty.num_owner_switch", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.num_spin_acq", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.total_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.max_num_thds", CTL_UINT32,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_muzzy.num_owner_switch", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.num_spin_acq", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.num_wait", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.total_wait_time",
	  CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.max_num_thds", CTL_UINT32,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.extents_retained.num_owner_switch",
	  CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.total_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_dirty.num_owner_switch", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.total_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.decay_muzzy.num_owner_switch", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.base.num_ops", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.base.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.base.num_wait", CTL_UINT64, "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.base.max_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.base.total_wait_time", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.base.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.base.num_owner_switch", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.num_ops", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.num_spin_acq", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.num_wait", CTL_UINT64, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.max_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.total_wait_time", CTL_UINT64,
	  "r-", ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.max_num_thds", CTL_UINT32, "r-",
	  ABSENT },
	{ "stats.arenas.<i>.mutexes.tcache_list.num_owner_switch", CTL_UINT64,
	  "r-", ABSENT },
};

/* The name with 0 for its first index and 1 for the second. */
static const char *
filled(const char *name)
{
	static char out[128];
	size_t n = 0;

	for (; *name != '\0'; name++) {
		out[n++] = *name;
		if (*name == '<') {
			out[n - 1] = name[1] == 'i' ? '0' : '1';
			name = strchr(name, '>');
		}
	}
	out[n] = '\0';
	return out;
}

/* Large blocks are counted by size for all arenas at once. */
static const char *
name_of(const struct name *n)
{
	return strcmp(n->name, "stats.arenas.<i>.lextents.<j>.curlextents") == 0
		       ? "stats.arenas.4096.lextents.1.curlextents"
		       : filled(n->name);
}

static void
each_name(void (*check)(const struct name *n, const char *name))
{
	/* Names of the calling thread want a cache. */
	thread_boot();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *name = name_of(&names[i]);

		check(&names[i], name);
	}
}

/* --- what is asked of each --------------------------------------------------- */

#define named(condition)                                      \
	do {                                                  \
		if (!(condition))                             \
			fail_msg("%s: %s", name, #condition); \
	} while (0)

static void
check_type(const struct name *n, const char *name)
{
	struct ctl_call c;

	named(ctl_find(name, &c) == 0);
	named(c.row->type == (n->type));
	named(ctl_is_absent(c.row) == (n->answer == ABSENT));
}

/* Reading these makes something, or wants to be told what it is about. */
static bool
is_no_figure(const struct name *n)
{
	return strstr(n->name, ".lookup") || strstr(n->name, ".create");
}

/* Not of an arena that threads are given. */
static bool
is_refused(const struct name *n)
{
	return strstr(n->name, "<i>.reset") || strstr(n->name, ".destroy");
}

static void
check_numbers(const struct name *n, const char *name)
{
	size_t mib[CTL_DEPTH], nmib = CTL_DEPTH, nparts = 1, len = 8;
	uint64_t a = 0, b = 0;

	for (const char *s = name; *s != '\0'; s++)
		nparts += *s == '.';
	named(ctl_name_to_mib(name, mib, &nmib) == 0);
	named(nmib == nparts);
	if (n->type == CTL_VOID || n->access[0] != 'r')
		return;
	len = ctl_type_bytes(n->type);
	if (is_no_figure(n))
		return;
	named(ctl_by_name(name, &a, &len, NULL, 0) ==
	      (n->answer == ABSENT ? ENOENT : 0));
	named(ctl_by_mib(mib, nmib, &b, &len, NULL, 0) ==
	      (n->answer == ABSENT ? ENOENT : 0));
	named(a == b);
}

static void
check_lengths(const struct name *n, const char *name)
{
	size_t bytes = ctl_type_bytes(n->type), len = bytes - 1;
	unsigned char value[16] = { 0 }, whole[16] = { 0 };

	if (n->answer == ABSENT || n->type == CTL_VOID || n->access[0] != 'r' ||
	    is_no_figure(n))
		return;
	memset(value, 0xee, sizeof value);
	named(ctl_by_name(name, value, &len, NULL, 0) == EINVAL);
	named(len == (bytes - 1));
	named(value[bytes - 1] == 0xee);
	len = sizeof value;
	named(ctl_by_name(name, value, &len, NULL, 0) == EINVAL);
	named(len == bytes);
	named(value[bytes] == 0xee);
	named(ctl_by_name(name, whole, &len, NULL, 0) == 0);
	named(len == bytes);
	named(memcmp(value, whole, bytes) == 0);
}

static void
check_permissions(const struct name *n, const char *name)
{
	unsigned char value[8] = { 0 };
	size_t len = ctl_type_bytes(n->type);

	if (n->answer == ABSENT) {
		named(ctl_by_name(name, NULL, NULL, NULL, 0) == ENOENT);
		named(ctl_by_name(name, value, &len, NULL, 0) == ENOENT);
		named(ctl_by_name(name, NULL, NULL, value, len) == ENOENT);
		return;
	}
	if (n->type == CTL_VOID) {
		named(ctl_by_name(name, value, &len, NULL, 0) == EPERM);
		named(ctl_by_name(name, NULL, NULL, value, 8) == EPERM);
		named(ctl_by_name(name, NULL, NULL, NULL, 0) ==
		      (is_refused(n) ? EFAULT : 0));
		return;
	}
	if (n->access[1] == '-')
		named(ctl_by_name(name, NULL, NULL, value, len) == EPERM);
	else
		named(ctl_by_name(name, NULL, NULL, value, len + 1) == EINVAL);
	if (n->access[0] == '-')
		named(ctl_by_name(name, value, &len, NULL, 0) == EPERM);
}

/* What is rw takes the value that it has. */
static void
check_writing(const struct name *n, const char *name)
{
	unsigned char value[8] = { 0 };
	size_t len = ctl_type_bytes(n->type);

	if (n->answer == ABSENT || strcmp(n->access, "rw") != 0 ||
	    is_no_figure(n))
		return;
	named(ctl_by_name(name, value, &len, NULL, 0) == 0);
	named(ctl_by_name(name, NULL, NULL, value, len) == 0);
}

static void
each_name_has_its_type(void)
{
	each_name(check_type);
}

static void
each_name_has_as_many_numbers_as_parts(void)
{
	each_name(check_numbers);
}

static void
each_value_has_its_length(void)
{
	each_name(check_lengths);
}

static void
each_name_may_be_read_or_written_as_the_manual_says(void)
{
	each_name(check_permissions);
}

static void
what_may_be_written_takes_the_value_that_it_has(void)
{
	each_name(check_writing);
}

/* --- beyond the manual's words ------------------------------------------------ */

static void
every_name_beside_the_manual_s_is_ours_or_5_3_s(void)
{
	static const char *const others[] = {
		"config.opt_safety_checks",
		"arena.<i>.name",
		"arenas.bin.<i>.nshards",
		"stats.arenas.<i>.tcache_bytes",
		"stats.arenas.<i>.tcache_stashed_bytes",
		"stats.arenas.<i>.abandoned_vm",
	};
	size_t nother = 0;

	for (size_t i = 0; i < ctl_nrows; i++) {
		const char *name = ctl_rows[i].name;
		bool is_known = strncmp(name, "trimalloc.", 10) == 0;

		for (size_t j = 0; j < COUNT_OF(names); j++)
			is_known |= strcmp(name, names[j].name) == 0;
		for (size_t j = 0; j < COUNT_OF(others); j++)
			nother += strcmp(name, others[j]) == 0;
		for (size_t j = 0; j < COUNT_OF(others); j++)
			is_known |= strcmp(name, others[j]) == 0;
		if (!is_known)
			fail_msg("%s is in no manual", name);
	}
	assert_int_equal(nother, COUNT_OF(others));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(each_name_has_its_type),
		alone(each_name_has_as_many_numbers_as_parts),
		alone(each_value_has_its_length),
		alone(each_name_may_be_read_or_written_as_the_manual_says),
		alone(what_may_be_written_takes_the_value_that_it_has),
		alone(every_name_beside_the_manual_s_is_ours_or_5_3_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
