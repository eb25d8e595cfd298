"""One HTML page with all pictures and tables in itself."""

import base64
import html
import os
import re

from runner.allocators import SUBJECT

from . import overall, report, summary

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1f2328; --faint: #59636e;
  --line: #d8dee4; --row: #f6f8fa; --lost: #b3261e; --own: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --ink: #e6edf3;
  --faint: #9198a1; --line: #30363d; --row: #161b22; --lost: #ff8a80; --own: #58b8f0; } }
body { background: var(--ground); color: var(--ink); margin: 0 auto; max-width: 1420px;
  padding: 1.5rem; font: 15px/1.5 system-ui, sans-serif; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; padding-bottom: .3rem; }
h3 { margin: 2.2rem 0 .3rem; }
code { font-size: 85%; overflow-wrap: anywhere; }
pre { background: var(--row); overflow-x: auto; padding: .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: right;
  white-space: nowrap; }
th { color: var(--faint); font-weight: 600; vertical-align: bottom; white-space: normal; }
th:first-child, td:first-child { text-align: left; }
tr.own td { background: var(--row); color: var(--own); font-weight: 600; }
strong { color: var(--lost); }
.faint { color: var(--faint); }
.pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); }
img { height: auto; max-width: 100%; }
nav a { margin-right: .8rem; white-space: nowrap; }
a { color: var(--own); }
"""


def inline(text):
    """The few marks of Markdown that summary.py writes."""
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)


def listed(lines):
    """The lines of a list; other lines are paragraphs."""
    items = [f"<li>{inline(line[2:])}</li>" for line in lines if line.startswith("- ")]
    others = [f"<p>{inline(line)}</p>" for line in lines if line and not line.startswith("- ")]
    return "\n".join([*others, "<ul>", *items, "</ul>"] if items else others)


def table(made):
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in made.head)
    rows = ["".join(f"<td>{inline(cell)}</td>" for cell in row) for row in made.rows]
    marks = [' class="own"' if row[0] == SUBJECT else "" for row in made.rows]
    body = "\n".join(f"<tr{mark}>{row}</tr>" for mark, row in zip(marks, rows))
    return (f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{body}\n</tbody>\n</table></div>")


def picture(findings, folder, name, text):
    """As data, so that the page needs no other file; an image follows the light or
    the dark scheme by itself."""
    if name not in findings.pictures:
        return ""
    with open(os.path.join(folder, name + ".svg"), "rb") as file:
        data = base64.b64encode(file.read()).decode("ascii")
    return f'<img alt="{html.escape(text)}" src="data:image/svg+xml;base64,{data}">'


def scenario(findings, folder, workload, jdk):
    about = findings.workload(workload)
    story = f" Users reported: {about['story']}." if about.get("story") else ""
    pictures = "\n".join([
        picture(findings, folder, f"{workload}.{jdk}.rss", f"resident memory of {workload}"),
        picture(findings, folder, f"{workload}.{jdk}.trade", f"throughput of {workload}")])
    made = report.table("", findings.groups[workload, jdk], findings.order)
    return "\n".join([
        f'<h3 id="{workload}-{jdk}">{workload} on {jdk}</h3>',
        f'<p>{html.escape(about.get("title", ""))}.{html.escape(story)}</p>',
        f'<div class="pictures">{pictures}</div>', table(made)])


def explained(made):
    return [f"<h2>{made.title}</h2>", f"<p>{inline(made.note)}</p>",
            table(made)] if made.rows else []


def document(findings, folder):
    """`folder` has the pictures."""
    about = findings.document
    links = " ".join(f'<a href="#{workload}-{jdk}">{workload} on {jdk}</a>'
                     for workload, jdk in findings.groups)
    limits = [picture(findings, folder, f"limits.{jdk}", f"smallest limits on {jdk}")
              for jdk in about["jdks"]]
    settings = about["settings"]
    parts = [
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{SUBJECT}: results</title><style>{STYLE}</style></head><body>",
        "<h1>Real programs on a JVM</h1>",
        f'<p class="faint">{summary.days_words(about)}, {summary.rounds_words(about)}, '
        f'{settings["form"]} form. {inline(summary.others_sentence(about))} '
        f'{inline(summary.days_sentence(about))}</p>',
        f"<nav>{links}</nav>",
        "<h2>In short</h2>",
        f"<p>{SUBJECT}'s figure by that of the best other allocator; <strong>bold</strong> where "
        "it loses.</p>", table(summary.overview(findings)), listed(summary.counts(findings)),
        "<h2>All scenarios together</h2>", f"<p>{html.escape(overall.NOTE)}</p>",
        table(summary.together(findings)),
        f"<h2>Where {SUBJECT} wins</h2>", listed(summary.won_lines(findings)),
        f"<h2>Where {SUBJECT} loses, and why</h2>", listed(summary.lost_lines(findings)),
        *explained(summary.costs(findings)), *explained(summary.bills(findings)),
        "<h2>Smallest limits</h2>" if any(limits) else "", *limits,
        "<h2>The scenarios</h2>", f"<p>{html.escape(report.NOTE)}</p>",
        *(scenario(findings, folder, *names) for names in findings.groups),
        "<h2>What it was measured on</h2>", listed(summary.setting_lines(about)),
        "<h2>Failures</h2>" + listed([f"- {line}" for line in findings.failures()])
        if findings.failures() else "",
        "</body></html>"]
    return "\n".join(part for part in parts if part) + "\n"
