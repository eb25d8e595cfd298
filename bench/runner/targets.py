"""The targets, each judged by the figures of one run of the suite.

A target is (sentence, verdict, details): the verdict is True (met), False
(missed) or None (not judged, and the detail says why).
"""

from .allocators import BASELINE, SUBJECT

MEAN_TIME = 0.95        # of the best peer's mean
SINGLE_TIME = 1.10      # of jemalloc's time, each benchmark
LARGE_TIME = 1.00       # of the fastest peer's time, each benchmark of the group
INSTRUCTIONS = 42       # malloc and free of a small size
MEAN_RSS = 1.10         # of glibc's
STARTUP_TIME = 1.2      # of glibc's
STARTUP_BYTES = 512 * 1024   # more than glibc's
IDLE_BYTES = 16 * 1024
CROWD_TIME = 1.00       # of tcmalloc's

PART_ONLY = "in runs of the whole suite only"


def judge_mean_time(figures, is_whole):
    sentence = f"mean time at most {MEAN_TIME:.2f} of the best peer's"
    if not is_whole:
        return sentence, None, [PART_ONLY]
    best = figures.best_mean_peer()
    ratio = figures.mean(SUBJECT, "ns", to=best) if best else None
    if not ratio:
        return sentence, None, ["no benchmark ran on all allocators"]
    return sentence, ratio <= MEAN_TIME, [
        f"{ratio:.3f} of {best} (geometric mean over {len(figures.whole_rows())} benchmarks)"]


def is_clear(figures, row, peer, limit):
    """Whether even the best of the subject's rounds against the peer's worst is
    over the limit: noise alone does not explain it."""
    own = min(s["ns"] for s in figures.samples[row.name][SUBJECT])
    other = max(s["ns"] for s in figures.samples[row.name][peer])
    return own > limit * other


def judge_rows(figures, sentence, rows, limit, peer_of):
    """Every row of `rows` at most `limit` of its peer's time."""
    over, njudged = [], 0
    for row in rows:
        peer = peer_of(row)
        ratio = figures.ratio(row, SUBJECT, "ns", peer) if peer else None
        if ratio is None:
            continue
        njudged += 1
        if ratio > limit:
            clear = is_clear(figures, row, peer, limit)
            over.append((ratio, f"{row.name} {ratio:.2f} of {peer}"
                                + ("" if clear else " (rounds overlap)")))
    if njudged == 0:
        return sentence, None, ["no such benchmark ran on both"]
    details = [text for _, text in sorted(over, reverse=True)]
    return sentence, not over, details or [f"all {njudged} benchmarks"]


def judge_single_time(figures):
    sentence = f"no benchmark above {SINGLE_TIME:.2f} of jemalloc's time"
    return judge_rows(figures, sentence, figures.timed_rows(), SINGLE_TIME,
                      lambda row: "jemalloc")


def judge_large_time(figures):
    sentence = "large blocks not slower than the fastest peer"
    return judge_rows(figures, sentence, figures.timed_rows("large"), LARGE_TIME,
                      figures.best_peer)


def judge_crowd_time(figures):
    sentence = "400 threads: throughput not below tcmalloc's"
    return judge_rows(figures, sentence, figures.timed_rows("crowd"), CROWD_TIME,
                      lambda row: "tcmalloc")


def judge_instructions(counts):
    sentence = f"malloc and free of a small size: at most {INSTRUCTIONS} instructions"
    if isinstance(counts, str):
        return sentence, None, [counts]
    most = max(counts.values())
    details = ", ".join(f"{size} bytes {n:.1f}" for size, n in counts.items())
    return sentence, round(most, 1) <= INSTRUCTIONS, [details]


def judge_mean_rss(figures, is_whole):
    sentence = f"mean peak RSS at most {MEAN_RSS:.2f} of glibc's"
    if not is_whole:
        return sentence, None, [PART_ONLY]
    mean = figures.mean(SUBJECT, "rss")
    if not mean:
        return sentence, None, ["no benchmark ran on all allocators"]
    return sentence, mean <= MEAN_RSS, [f"{mean:.3f}"]


def judge_startup(figures):
    """Time, then memory, of `true`."""
    time = f"`true` at most {STARTUP_TIME:.1f} of glibc's time"
    memory = f"`true` at most {STARTUP_BYTES // 1024} KiB more RSS than glibc"
    rows = figures.timed_rows("startup")
    ratio = figures.ratio(rows[0], SUBJECT, "ns") if rows else None
    if ratio is None:
        absent = ["the benchmark did not run on both"]
        return (time, None, absent), (memory, None, absent)
    more = (figures.value(rows[0], SUBJECT, "rss")
            - figures.value(rows[0], BASELINE, "rss"))
    return ((time, ratio <= STARTUP_TIME, [f"{ratio:.2f}"]),
            (memory, more <= STARTUP_BYTES, [f"{more / 1024:.0f} KiB"]))


def judge_idle(figures):
    sentence = (f"an idle thread that allocated once keeps at most "
                f"{IDLE_BYTES // 1024} KiB")
    for row in figures.rows:
        kept = figures.value(row, SUBJECT, "idle_bytes")
        if row.name == "idle/once" and kept is not None:
            return sentence, kept <= IDLE_BYTES, [f"{kept / 1024:.1f} KiB"]
    return sentence, None, ["the benchmark did not run"]


def judge_failures(failures):
    sentence = "every benchmark runs to its end"
    own = [f"{row}: {why}" for row, name, why in failures if name == SUBJECT]
    return sentence, not own, own or ["all of them"]


def judge_all(figures, failures, instruction_counts, is_whole):
    """All targets; `instruction_counts` is {bytes: number} or why there is none.
    Means are judged where the whole suite ran."""
    return [
        judge_mean_time(figures, is_whole),
        judge_single_time(figures),
        judge_large_time(figures),
        judge_instructions(instruction_counts),
        judge_mean_rss(figures, is_whole),
        *judge_startup(figures),
        judge_idle(figures),
        judge_crowd_time(figures),
        judge_failures(failures),
    ]
