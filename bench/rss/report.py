"""The tables for the terminal and the Markdown page."""

from runner.report import Table, others_text, verdict_word

from .show import shown

NOTE = ("Medians over the rounds. Bytes are the allocator's, which is resident memory less "
        "that at the start, unless it says whole process.")


def cell(view, name, column):
    text = shown(view.value(name, column.figure), column.form)
    spread = view.spread(name, column.figure) if column.with_spread else None
    return text if spread is None else f"{text} ±{spread:.0%}"


def scenario_table(results, scenario):
    view = results.view(scenario)
    table = Table(f"{scenario.name}: {scenario.title}", NOTE,
                  ["allocator", *(column.title for column in scenario.columns)])
    for name in results.names:
        if any(view.rounds[name]):
            table.rows.append([name, *(cell(view, name, column) for column in scenario.columns)])
    return table


def targets_text(judged):
    lines = ["TARGETS"]
    for scenario, sentence, verdict, details in judged:
        lines.append(f"{verdict_word(verdict):10}  {scenario}: {sentence}: {details}")
    return "\n".join(lines) + "\n"


def targets_markdown(judged):
    lines = ["## Targets", "", "| scenario | target | | figure |", "|---|---|---|---|"]
    for scenario, sentence, verdict, details in judged:
        lines.append(f"| {scenario} | {sentence} | {verdict_word(verdict)} | {details} |")
    return "\n".join(lines) + "\n"


def failure_lines(results):
    lines = [f"{scenario} on {name}: {why}" for scenario, name, why in results.failures]
    return lines + [f"{name} was skipped: {why}" for name, why in results.skipped.items()]


def text(results):
    parts = [scenario_table(results, scenario).text() for scenario in results.measured()]
    judged = results.judge()
    parts += [targets_text(judged)] if judged else []
    return "\n".join(parts + failure_lines(results))


def head(about):
    machine, settings = about["machine"], about["settings"]
    lines = [
        "# Resident memory over time", "",
        f"{settings['started']}, {settings['seconds']:.0f} s: {settings['rounds']} rounds"
        f"{', quick' if settings['is_quick'] else ''}. Written by `bench/rss/run`. "
        f"{others_text(settings['others_cpu'])}", "",
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_mib']} MiB, "
        f"{machine['system']}, {machine['kernel']}, transparent huge pages "
        f"{machine['transparent_hugepages']}.", "",
    ]
    for name, allocator in about["allocators"].items():
        tuned = " ".join(f"`{k}={v}`" for k, v in allocator["variables"].items())
        lines.append(f"- {name} {allocator['version']} {tuned}".rstrip())
    return "\n".join(lines) + "\n"


def markdown(results, about, charts):
    """`charts` are the scenarios that have a picture beside the page."""
    parts = [head(about), targets_markdown(results.judge())]
    for scenario in results.measured():
        parts.append(scenario_table(results, scenario).markdown())
        if scenario.name in charts:
            parts.append(f"![{scenario.title}]({scenario.name}.svg)\n")
    failures = failure_lines(results)
    if failures:
        parts.append("## Failures\n\n" + "\n".join(f"- {line}" for line in failures) + "\n")
    return "\n".join(parts)
