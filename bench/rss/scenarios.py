"""The table of scenarios: what is run, when it is looked at, what is wanted.

A row names a program that prints marks (scenario.h), the readings that are
taken some time after a mark, the figures made of them, and the targets.
"""

from . import cgroup
from .jvm import program as jvm
from .row import Column, Context, Reading, Scenario, confined, program
from .target import AtLeastOf, AtMost, AtMostOf, BASELINE, LeastOfAll, NeverAbove, PeerAtLeast

GB = 1_000_000_000

RATES = (
    Column("ops_per_s", "ops/s", "rate"),
    Column("ops_per_cpu_s", "ops/CPU s", "rate"),
    Column("helper_cpu_s", "helper CPU s", "s"),
)
TIGHT_PEAK = AtMost("peak_per_asked", 1.10, "peak at most 1.10 of the bytes asked for", "ratio")
THROUGHPUT = AtLeastOf("ops_per_s", 0.97, "throughput at least 0.97 of the best peer's",
                       cpu_figure="ops_per_cpu_s")


## burst: all that was held at once is freed

def burst_figures(sample, figures):
    return {
        "rest_part": figures["own_rest_bytes"] / figures["own_peak_bytes"],
        "whole_rest_part": figures["rest_bytes"] / figures["peak_bytes"],
        "peak_per_asked": figures["own_peak_bytes"] / sample.mark("peak")["asked_bytes"],
    }


BURST_COLUMNS = (
    Column("base_bytes", "start MB", "MB"),
    Column("own_peak_bytes", "peak MB", "MB"),
    Column("peak_per_asked", "peak : asked", "ratio"),
    Column("own_rest_bytes", "2 s later MB", "MB"),
    Column("rest_part", "of peak", "part"),
    Column("whole_rest_part", "of peak, whole process", "part"),
    *RATES,
)
AFTER_BURST = AtMost("rest_part", 0.03, "2 s after the last free at most 3 % of the peak", "part")


def burst(name, title, *arguments, targets=(AFTER_BURST,)):
    return Scenario(
        name, title, program("burst", *arguments),
        readings=(Reading("rest", "freed", 2.0),), columns=BURST_COLUMNS, targets=targets,
        derive=burst_figures, warm_bytes=GB)


BURSTS = (
    burst("burst", "400 threads allocate 2 MB each, free it, and idle",
          targets=(AFTER_BURST, TIGHT_PEAK, THROUGHPUT)),
    burst("burst_busy", "The same burst, while one thread goes on calling malloc and free",
          "--busy", 1),
    burst("burst_foreign", "The same burst, but other threads free", "--foreign", 1),
    burst("burst_exit", "The same burst, but the threads end after freeing", "--exit", 1),
)


## fragments: a few small blocks survive

def fragments_figures(sample, figures):
    live = sample.mark("freed")["live_bytes"]
    return {
        "live_bytes": live,
        "rest_per_live": figures["own_rest_bytes"] / live,
        "whole_rest_per_live": figures["rest_bytes"] / live,
        "peak_per_asked": figures["own_peak_bytes"] / sample.mark("peak")["asked_bytes"],
    }


FRAGMENTS = Scenario(
    "fragments", "1 GB of 16 to 2,048 bytes by 8 threads, a random 95 % freed",
    program("fragments"),
    readings=(Reading("rest", "freed", 3.0),),
    columns=(
        Column("base_bytes", "start MB", "MB"),
        Column("own_peak_bytes", "peak MB", "MB"),
        Column("peak_per_asked", "peak : asked", "ratio"),
        Column("live_bytes", "live MB", "MB"),
        Column("own_rest_bytes", "3 s later MB", "MB"),
        Column("rest_per_live", "rest : live", "ratio"),
        Column("whole_rest_per_live", "rest : live, whole process", "ratio"),
        *RATES,
    ),
    targets=(
        AtMost("rest_per_live", 3.8,
               "3 s after the last free at most 3.8 times the live bytes", "ratio"),
        TIGHT_PEAK,
    ),
    derive=fragments_figures, warm_bytes=GB)


## sawtooth: load and idleness in turn

def rate(teeth, time):
    return sum(tooth["ops"] for tooth in teeth) / sum(tooth[time] for tooth in teeth) * 1e9


def sawtooth_figures(sample, _figures):
    teeth = sample.all_marks("tooth")
    mean = sample.mean_bytes(sample.mark("load")["t_ns"], sample.mark("result")["t_ns"])
    return {
        "own_mean_bytes": mean - sample.base_bytes,
        "later_ops_per_s": rate(teeth[1:], "work_ns"),
        "later_ops_per_cpu_s": rate(teeth[1:], "work_cpu_ns"),
        "tooth_s": sum(tooth["work_ns"] for tooth in teeth) / len(teeth) / 1e9,
    }


SAWTOOTH = Scenario(
    "sawtooth", "100 threads with 400 MB at the top of each tooth, idle in between",
    program("sawtooth", "--ops", 200_000, "--teeth", 10, "--idle", 5000,
            quick=("--ops", 80_000, "--teeth", 3, "--idle", 2500)),
    readings=(Reading("rest", "result"),),
    columns=(
        Column("base_bytes", "start MB", "MB"),
        Column("own_peak_bytes", "peak MB", "MB"),
        Column("own_mean_bytes", "mean MB", "MB"),
        Column("own_rest_bytes", "at the end MB", "MB"),
        Column("tooth_s", "load s", "s"),
        Column("later_ops_per_s", "later ops/s", "rate"),
        *RATES,
        Column("helper_part", "of the load's", "part"),
        Column("minor_faults", "page faults", "count"),
    ),
    targets=(
        LeastOfAll("own_mean_bytes", "mean resident memory the least of all", "MB"),
        AtLeastOf("later_ops_per_s", 0.95, "throughput of the later teeth at least 0.95 of glibc's",
                  peer=BASELINE, cpu_figure="later_ops_per_cpu_s"),
        THROUGHPUT,
        AtMost("helper_part", 0.01, "CPU seconds of the trim thread below 1 % of the load's",
               "part"),
    ),
    derive=sawtooth_figures, timeout_s=600, warm_bytes=GB)


## latency: single calls

def no_slower(call):
    return AtMostOf(f"{call}_p999_ns", "jemalloc", 1.0,
                    f"p99.9 of {call} not above jemalloc's", "ns")


LATENCY = Scenario(
    "latency", "8 threads that burst and pause in turn: the time of single calls",
    program("latency", "--cycles", 12, "--cycle", 1500,
            quick=("--cycles", 2, "--cycle", 1200)),
    readings=(Reading("rest", "end"),),
    columns=tuple(Column(f"{call}_{quantile}_ns", f"{call} {title}", "ns")
                  for call in ("malloc", "free", "use")
                  for quantile, title in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"),
                                          ("max", "max"))),
    targets=(no_slower("malloc"), no_slower("free")))


## wakeups: nobody stirs once memory is back

IDLE_S = 10.0


def wakeups_figures(sample, _figures):
    return {"switches": sample.readings["later"]["switches"]
                        - sample.readings["rest"]["switches"]}


WAKEUPS = Scenario(
    "wakeups", "50 threads burst and idle: wake-ups in 10 s after memory went back",
    program("burst", "--threads", 50),
    readings=(Reading("rest", "freed", 4.0, with_switches=True),
              Reading("later", "freed", 4.0 + IDLE_S, with_switches=True)),
    columns=(
        Column("own_peak_bytes", "peak MB", "MB"),
        Column("own_rest_bytes", "4 s later MB", "MB"),
        Column("own_later_bytes", "14 s later MB", "MB"),
        Column("switches", "voluntary context switches", "count"),
    ),
    targets=(AtMost("switches", 0, "no voluntary context switch of any thread in 10 s",
                    "count"),),
    derive=wakeups_figures, is_parallel=True)


## jvm: native memory of a JVM whose threads worked and idle

TUNED = "jemalloc-tuned"
REST_S = 10.0


def jvm_figures(sample, _figures):
    return {"live_bytes": sample.mark("peak")["live_bytes"]}


def jvm_load(load, title, threads, ops, quick_ops):
    return Scenario(
        f"jvm_{load}", title, jvm.command(load, threads, ops, quick_ops),
        readings=(Reading("rest", "freed", REST_S),),
        columns=(
            Column("base_bytes", "start MB", "MB"),
            Column("own_peak_bytes", "peak MB", "MB"),
            Column("live_bytes", "live MB", "MB"),
            Column("own_rest_bytes", "10 s later MB", "MB"),
            Column("load_s", "load s", "s"),
            Column("ops_per_s", "ops/s", "count", with_spread=True),
            Column("ops_per_cpu_s", "ops/CPU s", "count", with_spread=True),
            Column("helper_cpu_s", "helper CPU s", "s"),
        ),
        targets=(
            AtMostOf("own_rest_bytes", TUNED, 1.0,
                     "native memory 10 s later at most that of tuned jemalloc", "MB"),
            THROUGHPUT,
        ),
        derive=jvm_figures, timeout_s=400, warm_bytes=2 * GB, why_not=jvm.why_not)


JVM = (
    jvm_load("gzip", "JVM: 200 threads pack and unpack, half of the streams are never closed",
             200, 120_000, 50_000),
    jvm_load("direct", "JVM: 64 threads use direct buffers, 4 KiB to 1 MiB",
             64, 600_000, 200_000),
    jvm_load("unsafe", "JVM: 128 threads use Unsafe.allocateMemory, 16 bytes to 512 KiB",
             128, 2_000_000, 800_000),
    jvm_load("jni", "JVM: 100 threads in native code, blocks with long-tailed lifetimes",
             100, 4_000_000, 1_500_000),
)


## pressure: a memory limit close to what is alive

FACTOR = 1.3


def within(name, title, command, targets):
    return Scenario(
        name, title, command,
        # What it does after the start is told by its end; it may not live so long.
        readings=(Reading("begin", "start"),),
        columns=(
            Column("limit_bytes", "limit MB", "MB"),
            Column("usage_peak_bytes", "peak usage MB", "MB"),
            Column("peak_part", "peak : alive and program", "ratio"),
            Column("killed", "OOM kills", "count"),
            Column("phases", "phases", "count"),
            Column("seconds", "seconds", "s"),
            Column("ops_per_cpu_s", "ops/CPU s", "rate"),
        ),
        targets=targets, timeout_s=300, warm_bytes=GB, why_not=cgroup.why_not)


SURVIVES = NeverAbove("killed", 0, "it runs to its end", "count")


def bursts(factor):
    return confined(factor, "pressure", quick=("--phases", 8, "--fill", 500))


PRESSURE = (
    within("pressure", f"Bursts of 128 threads within {FACTOR} times what is alive at most",
           bursts(FACTOR), (
               SURVIVES,
               PeerAtLeast(BASELINE, "killed", 1, "glibc does not", "count"),
           )),
    within("pressure_free", "The same bursts without a limit", bursts(0), ()),
)


## beside: a limit that other memory leaves little of

def beside(percent, replacements):
    return within(
        f"beside_{percent}",
        f"4 threads replace blocks of 32 to 232 KiB, {percent} % below the limit",
        confined(1 + percent / 100, "beside", "--replacements", replacements,
                 quick=("--replacements", replacements, "--waves", 4)),
        (SURVIVES,))


BESIDE = (beside(11, 25_000), beside(6, 25_000), beside(4, 10_000))


SCENARIOS = (*BURSTS, FRAGMENTS, SAWTOOTH, LATENCY, WAKEUPS, *JVM, *PRESSURE, *BESIDE)

__all__ = ["Column", "Context", "Reading", "SCENARIOS", "Scenario", "program"]
