"""chart.py -- resident memory over time, drawn by gnuplot.

One drawing for three places: the terminal, a PNG file, and an SVG file which
follows its reader's light or dark scheme.
"""

import os
import re
import subprocess
import tempfile

MB = 1e6

# Colours that people with colour blindness can tell apart (Okabe and Ito), and
# the brighter ones for a dark ground; the number is the terminal's (of 256).
COLOURS = {
    "glibc": ("#d55e00", "#ff8a3d", 208),
    "trimalloc": ("#0072b2", "#58b8f0", 39),
    "jemalloc": ("#a8488a", "#e08ac4", 175),
    "tcmalloc": ("#b07d00", "#e6b422", 220),
    "mimalloc": ("#00805d", "#2ec49b", 43),
}
# What else the drawing is made of: its role, on a light ground, on a dark one.
GROUND = ("#ffffff", "#0d1117")
INK = ("#1f2328", "#e6edf3")
FAINT = ("#59636e", "#9198a1")
GRID = ("#d8dee4", "#30363d")
BUSY = ("#b4bcc6", "#656d77")
REST = ("#e8ebef", "#2a3038")
WIDTH, HEIGHT = 960, 560
# How many letters of the boxes' labels fit side by side over the whole time.
LETTERS = 115


class NoGnuplot(Exception):
    """gnuplot is missing, or did not understand."""


class Series:
    """One allocator: its recordings, of which one stands for all."""

    def __init__(self, name, recordings, chosen):
        self.name = name
        self.recordings = recordings
        self.chosen = chosen


def blocks(series):
    """The gnuplot data blocks: one of samples per recording."""
    out = []
    for number, one in enumerate(series):
        for index, recording in enumerate(one.recordings):
            out.append("$run_%d_%d << EOD" % (number, index))
            out.extend("%.2f %.2f" % (at, size / MB) for at, size in recording.samples)
            out.append("EOD")
    return out


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def bounds(series):
    """The right and the upper end of the axes."""
    runs = [run for one in series for run in one.recordings]
    return (max(run.end for run in runs) * 1.005,
            max(run.peak for run in runs) / MB * 1.06)


def curves(series, width):
    """The arguments of plot: every recording thin, the chosen one over them."""
    thin, thick = [], []
    for number, one in enumerate(series):
        colour = COLOURS[one.name][0]
        for index, recording in enumerate(one.recordings):
            data = "$run_%d_%d with lines lc rgb %s" % (number, index, quoted(colour))
            if recording is one.chosen:
                thick.append("%s lw %g title %s" % (data, width, quoted(one.name)))
            else:
                thin.append("%s lw 0.8 dt 3 notitle" % data)
    return ", ".join(thin + thick)


def end_labels(series, top):
    """Each curve's value after idling, at its end; those too near are moved apart."""
    gap = top / 15
    wanted = sorted((one.chosen.after_idle / MB, one) for one in series)
    out, last = [], -gap
    for value, one in wanted:
        last = max(value, last + gap)
        out.append("set label %s at graph 1.008, first %.1f left font ',13' tc rgb %s" % (
            quoted("%.0f MB" % value), last, quoted(COLOURS[one.name][0])))
    return out


def phase_label(name, room):
    """What to write on a phase's box: its name, or its number where room is short."""
    words = name.split("-")
    if words[0] == "pause":
        return ""
    return next((text for text in (" ".join(words), words[-1]) if len(text) + 2 <= room), "")


def strip(series, right):
    """The phases of each chosen run, as one row of boxes per allocator."""
    out = []
    box = 1
    letter = right / LETTERS
    for row, one in enumerate(reversed(series)):
        phases = one.chosen.phases
        out.append("set label %s at graph -0.008, first %d right font ',12' tc rgb %s" % (
            quoted(one.name), row, quoted(COLOURS[one.name][0])))
        for (begin, name), (end, _) in zip(phases, phases[1:]):
            colour = BUSY if name.startswith("burst") else REST
            out.append("set object %d rectangle from %.2f,%.2f to %.2f,%.2f "
                       "fs solid noborder fc rgb %s"
                       % (box, begin, row - 0.36, end, row + 0.36, quoted(colour[0])))
            box += 1
            out.append("set label %s at %.2f,%d center font ',11' tc rgb %s front" % (
                quoted(phase_label(name, (end - begin) / letter)), (begin + end) / 2, row, quoted(INK[0])))
    return out


def picture(series, title, subtitle, terminal, path):
    """gnuplot's commands for a file: the curves, and below them the phases."""
    right, top = bounds(series)
    strip_height = 0.035 * len(series) + 0.02
    floor = strip_height + 0.15
    return blocks(series) + [
        "set terminal " + terminal,
        "set output " + quoted(path),
        "set multiplot",
        "set lmargin at screen 0.09",
        "set rmargin at screen 0.905",
        "set label %s at screen 0.09, 0.955 left font ',18' tc rgb %s" % (quoted(title), quoted(INK[0])),
        "set label %s at screen 0.09, 0.908 left font ',12' tc rgb %s" % (quoted(subtitle), quoted(FAINT[0])),
        "set tmargin at screen 0.82",
        "set bmargin at screen %.3f" % floor,
        "set border 3 lc rgb %s" % quoted(FAINT[0]),
        "set tics nomirror textcolor rgb %s" % quoted(INK[0]),
        "set grid ytics lt 1 lw 0.8 lc rgb %s" % quoted(GRID[0]),
        "set key at screen 0.09, 0.865 left center horizontal Left reverse samplen 2 textcolor rgb %s" % quoted(INK[0]),
        "set xrange [0:%.2f]" % right,
        "set yrange [0:%.1f]" % top,
        "set ylabel 'resident memory (MB)' textcolor rgb %s" % quoted(INK[0]),
        "set format x ''",
    ] + end_labels(series, top) + [
        "plot " + curves(series, 2.6),
        "unset label",
        "unset grid",
        "unset key",
        "unset ytics",
        "unset ylabel",
        "set border 1 lc rgb %s" % quoted(FAINT[0]),
        "set format x '%g'",
        "set xlabel 'time since the start (seconds)' textcolor rgb %s" % quoted(INK[0]),
        "set tmargin at screen %.3f" % (floor - 0.015),
        "set bmargin at screen 0.12",
        "set yrange [-0.6:%.1f]" % (len(series) - 0.4),
    ] + strip(series, right) + [
        "plot NaN notitle",
        "unset multiplot",
    ]


def gnuplot(commands):
    """Runs gnuplot; what it writes to standard output comes back."""
    try:
        done = subprocess.run(["gnuplot"], input="\n".join(commands) + "\n", text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except FileNotFoundError as missing:
        raise NoGnuplot("gnuplot was not found (Debian: gnuplot-nox)") from missing
    if done.returncode != 0:
        raise NoGnuplot("gnuplot failed:\n" + done.stderr)
    return done.stdout


def two_schemes(svg):
    """Turns an SVG drawn for a light ground into one that knows both schemes."""
    pairs = [GROUND, INK, FAINT, GRID, BUSY, REST] + [pair[:2] for pair in COLOURS.values()]
    light, dark = [], []
    for number, (on_light, on_dark) in enumerate(pairs):
        rgb = tuple(int(on_light[i:i + 2], 16) for i in (1, 3, 5))
        drawn = "(?:%s|rgb\\( *%d, *%d, *%d\\))" % ((on_light,) + rgb)
        svg = re.sub("(fill|stroke)\\s*=\\s*(['\"])%s\\2" % drawn,
                     r"style=\2\1:var(--c%d)\2" % number, svg, flags=re.IGNORECASE)
        light.append("--c%d:%s" % (number, on_light))
        dark.append("--c%d:%s" % (number, on_dark))
    sheet = ("<style>svg{%s}@media (prefers-color-scheme:dark){svg{%s}}</style>"
             % (";".join(light), ";".join(dark)))
    return re.sub(r"(<svg[^>]*>)", lambda head: head.group(1) + "\n" + sheet, svg, count=1)


def write_svg(series, title, subtitle, path):
    terminal = ("svg size %d,%d dynamic enhanced font 'Helvetica,Arial,sans-serif,13' background rgb %s"
                % (WIDTH, HEIGHT, quoted(GROUND[0])))
    with tempfile.TemporaryDirectory() as folder:
        drawn = os.path.join(folder, "drawn.svg")
        gnuplot(picture(series, title, subtitle, terminal, drawn))
        with open(drawn, encoding="utf-8") as file:
            svg = two_schemes(file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(svg)


def write_png(series, title, subtitle, path):
    # Twice the size, for screens with fine pixels.
    terminal = ("pngcairo size %d,%d enhanced fontscale 2 linewidth 2 font 'sans-serif,10' background rgb %s"
                % (2 * WIDTH, 2 * HEIGHT, quoted(GROUND[0])))
    gnuplot(picture(series, title, subtitle, terminal, path))


def dots(recording, across, up):
    """The curve as points no further apart than `across` and `up`."""
    out = []
    for (at, size), (then, other) in zip(recording.samples, recording.samples[1:]):
        steps = max(1, int(abs(other - size) / MB / up) + 1, int((then - at) / across) + 1)
        for step in range(steps):
            part = step / steps
            out.append((at + (then - at) * part, (size + (other - size) * part) / MB))
    return out


def phase_rows(series, right, margin, width):
    """The phases of the chosen runs in characters, below the terminal's chart."""
    out = []
    for one in series:
        row = [" "] * (width + 1)
        phases = one.chosen.phases
        for (begin, name), (end, _) in zip(phases, phases[1:]):
            first, last = (int(width * at / right) for at in (begin, end))
            fill = "=" if name.startswith("burst") else "."
            row[first:last] = fill * (last - first)
            word = phase_label(name, last - first - 2)
            if word:
                word = word.join("  ")
                middle = (first + last - len(word)) // 2
                row[middle:middle + len(word)] = word
        out.append((one.name.rjust(margin - 1) + " " + "".join(row)).rstrip())
    return "\n".join(out) + "\n"


def terminal_text(series, columns, rows, coloured):
    """The same curves in characters; in colours, dots, else the names' letters."""
    right, top = bounds(series)
    margin = 11
    width = columns - margin - 3
    data, plots = [], []
    for number, one in enumerate(series):
        data.append("$dots_%d << EOD" % number)
        data.extend("%.3f %.2f" % dot for dot in dots(one.chosen, right / width, top / rows))
        data.append("EOD")
        plots.append('$dots_%d with points pt "%s" lc rgb %s title %s' % (
            number, "\u2022" if coloured else one.name[0], quoted(COLOURS[one.name][1]),
            quoted("%s: %.0f MB after idling" % (one.name, one.chosen.after_idle / MB))))
    text = gnuplot(data + [
        "set encoding utf8",
        "set terminal dumb size %d,%d noenhanced %s" % (
            columns, rows, "ansi256" if coloured else "mono"),
        "set lmargin %d" % margin,
        "set rmargin 3",
        "set xlabel 'seconds'",
        "set ylabel 'MB'",
        "set border 3",
        "set tics nomirror scale 0.5",
        "set key at graph 0.5, 1 center top maxrows %d Left reverse" % len(series),
        "set xrange [0:%.2f]" % right,
        "set yrange [0:%.1f]" % (top * (1.05 + 1.2 * len(series) / rows)),
        "plot " + ", ".join(plots),
    ])
    return text.strip("\f") + phase_rows(series, right, margin, width)
