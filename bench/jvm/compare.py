"""Two results side by side, and whether chance could have made the difference."""

import math
import statistics
from itertools import combinations

try:
    from scipy.stats import mannwhitneyu
except ImportError:
    mannwhitneyu = None

LEVEL = 0.05
EXACT_MOST = 12     # samples of both sides, up to which all orders are counted
FIGURES = (
    ("ops_per_s", "ops/s", True), ("ops_per_cpu_s", "ops/CPU s", True),
    ("p50_us", "p50", False), ("p99_us", "p99", False), ("p999_us", "p99.9", False),
    ("cpu_s", "CPU s", False), ("mean_bytes", "mean RSS", False),
    ("peak_bytes", "peak RSS", False), ("after5_bytes", "RSS 5 s later", False),
    ("minor_faults", "page faults", False),
)


def ranks(values):
    """From 1 on; equal values share the mean of theirs."""
    order = sorted(values)
    return [order.index(value) + (order.count(value) + 1) / 2 for value in values]


def exact_p(all_ranks, n, observed):
    """How many of all ways to draw n ranks lie at least as far from their mean."""
    middle = n * (len(all_ranks) + 1) / 2
    far = abs(observed - middle)
    sums = [sum(drawn) for drawn in combinations(all_ranks, n)]
    return sum(abs(one - middle) >= far - 1e-9 for one in sums) / len(sums)


def normal_p(all_ranks, n, observed):
    """The same by the normal distribution, with ties and continuity corrected."""
    total = len(all_ranks)
    m = total - n
    ties = sum(all_ranks.count(rank) ** 3 - all_ranks.count(rank) for rank in set(all_ranks))
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    far = max(0.0, abs(observed - n * (total + 1) / 2) - 0.5)
    return math.erfc(far / math.sqrt(2 * variance))


def own_p(a, b):
    everyone = ranks([*a, *b])
    observed = sum(everyone[:len(a)])
    p = exact_p if len(everyone) <= EXACT_MOST else normal_p
    return p(everyone, len(a), observed)


def p_value(a, b):
    """Mann and Whitney's test, two-sided: how often chance alone would set two
    samples of one distribution at least so far apart."""
    if len(set([*a, *b])) == 1:
        return 1.0
    if mannwhitneyu is None or len(set([*a, *b])) < len(a) + len(b):
        return own_p(a, b)
    return float(mannwhitneyu(a, b, alternative="two-sided").pvalue)


def least_p(n, m):
    """What p_value() gives where no value of one side reaches the other's."""
    return min(1.0, 2 / math.comb(n + m, n))


def samples(document):
    """{(workload, JDK, allocator): {figure: [values]}}"""
    out = {}
    for key, run in document["runs"].items():
        names = tuple(key.split("/")[:3])
        for figure, value in run.get("figures", {}).items():
            if isinstance(value, (int, float)):
                out.setdefault(names, {}).setdefault(figure, []).append(value)
    return out


class Line:
    """One figure of one workload on one allocator, in both results."""

    def __init__(self, names, title, a, b, is_more_better):
        self.names, self.title = names, title
        self.n, self.m = len(a), len(b)
        self.a, self.b = statistics.median(a), statistics.median(b)
        self.change = self.b / self.a - 1 if self.a else None
        self.p = p_value(a, b)
        self.is_significant = self.p < LEVEL
        self.is_better = None if self.b == self.a else (self.b > self.a) == is_more_better

    @property
    def has_too_few(self):
        """Not even rounds that lie wholly apart would count."""
        return least_p(self.n, self.m) >= LEVEL

    def verdict(self):
        if self.has_too_few:
            return "too few rounds"
        if not self.is_significant:
            return "may be chance"
        return "better" if self.is_better else "WORSE"


def lines(old, new):
    a, b = samples(old), samples(new)
    return [Line(names, title, a[names][figure], b[names][figure], is_more_better)
            for names in sorted(set(a) & set(b))
            for figure, title, is_more_better in FIGURES
            if figure in a[names] and figure in b[names]]


def short(value):
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {unit}"
    return f"{value:.4g}"


def text(found, is_all):
    """Those that are more than chance, or all; and how many were looked at."""
    out = []
    for line in found:
        if is_all or line.is_significant:
            change = "" if line.change is None else f"{line.change:+.1%}"
            out.append(f"{'/'.join(line.names):40} {line.title:14} {short(line.a):>9} "
                       f"{short(line.b):>9} {change:>8}  p={line.p:.3f}  {line.verdict()}")
    hits = sum(line.is_significant for line in found)
    out.append(f"{hits} of {len(found)} figures differ with p < {LEVEL:g}; "
               f"chance alone would make about {LEVEL * len(found):.0f} do so.")
    few = sum(line.has_too_few for line in found)
    if few:
        out.append(f"{few} of the figures have too few rounds to tell any difference from chance: "
                   f"4 on each side can.")
    return "\n".join(out)
