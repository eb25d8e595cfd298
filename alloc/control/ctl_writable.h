/*
 * ctl_writable.h -- which options can be changed while the process runs.
 *
 * Above   ctl_table.c, and the manual
 * Lock    none: macros
 *
 * CTL_WRITER(option, yes, no) is `yes` for those that are defined here, to
 * something with a comma: then it is the second argument of what takes that.
 */
#ifndef TRI_CONTROL_CTL_WRITABLE_H
#define TRI_CONTROL_CTL_WRITABLE_H

#define CTL_RW_narenas          ~,
#define CTL_RW_decay_ms         ~,
#define CTL_RW_trim_thread      ~,
#define CTL_RW_pressure_percent ~,
#define CTL_RW_stats_at_exit    ~,
#define CTL_RW_stats_interval   ~,
#define CTL_RW_dump_keep        ~,
#define CTL_RW_dump_form        ~,

#define CTL_SECOND(a, b, ...)       b
#define CTL_PICK(...)               CTL_SECOND(__VA_ARGS__)
#define CTL_WRITER(option, yes, no) CTL_PICK(CTL_RW_##option yes, no, no)

#endif
