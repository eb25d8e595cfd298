#!/usr/bin/env python3
"""exporter.py -- trimalloc exporter serves metrics over HTTP."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import openmetrics
import tool as t
from tool import fake, folder, tap, tool

OPEN = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
DASHBOARD = os.path.join(t.SOURCE, "tools/trimalloc/grafana-dashboard.json")
PROMTOOL = [os.environ.get("PROMTOOL", ""), shutil.which("promtool") or "",
            os.path.join(t.SOURCE, "build/promtool/usr/bin/promtool")]


@contextlib.contextmanager
def exporter(*words):
    """The exporter on a port of its own: the port."""
    process = subprocess.Popen([t.TOOL, "exporter", "--listen", "127.0.0.1:0",
                                *map(str, words)], env=t.environment(),
                               stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/metrics", line)
        if not found:
            raise RuntimeError("the exporter said: " + line + process.stderr.read())
        yield int(found.group(1))
        process.send_signal(signal.SIGTERM)
        if process.wait(30) != 0:
            raise RuntimeError("the exporter ended with %d" % process.returncode)
    finally:
        process.kill()
        process.communicate()


def get(port, path="/metrics", method="GET", headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), text


def serves_openmetrics():
    with folder() as path, fake(path, "--comm", 'a"b\\c') as p, \
            exporter("--pid", p.pid, "--classes") as port:
        status, kind, text = get(port, headers=OPEN)
        if status != 200 or kind != "application/openmetrics-text; version=1.0.0; charset=utf-8":
            yield "status %d, type %s" % (status, kind)
        read = openmetrics.Text(text)
        yield from read.complaints[:10]
        pid = str(p.pid)
        for name, labels, value in (
                ("allocated_bytes", {}, (48 << 20) + 1024), ("up", {}, 1), ("refaults_total", {}, 101),
                ("arena_mapped_bytes", {"arena": "0"}, 64 << 20), ("limit_bytes", {}, 512 << 20),
                ("purged_pages_total", {"kind": "runs"}, 240), ("pressure_level", {}, 1),
                ("class_live_blocks", {"size": "48"}, 50), ("purge_seconds_total",
                                                            {"kind": "slabs"}, 0.0075),
                ("build_info", {"version": "0.1.0"}, 1)):
            got = read.value("trimalloc_" + name, pid=pid, comm='a"b\\c', **labels)
            if got is None or abs(got - value) > 1e-9:
                yield "%s %s is %s, not %s" % (name, labels, got, value)
        yield from by_reference(text)


def every_row(read):
    """Each family of the table has a sample, for the fake's report has every figure."""
    with open(os.path.join(t.SOURCE, "tools/trimalloc/families.def"), encoding="utf-8") as file:
        names = re.findall(r"^FAMILY\((\w+), (\w+)", file.read(), re.MULTILINE)
    have = {name for name, _ in read.samples}
    return ["%s has no sample" % name for name, kind in names
            if "trimalloc_%s%s" % (name, "_total" if kind == "counter" else "") not in have] \
        + ([] if len(names) > 40 else ["only %d rows were found" % len(names)])


def by_reference(text):
    """What the ecosystem's own reader has to say, where there is one."""
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        return
    try:
        if not list(text_string_to_metric_families(text)):
            yield "prometheus_client finds no family"
    except ValueError as wrong:
        yield "prometheus_client: %s" % wrong


def has_a_sample_of_each():
    with folder() as path, fake(path) as p, exporter("--pid", p.pid, "--classes") as port:
        yield from every_row(openmetrics.Text(get(port, headers=OPEN)[2]))


def serves_the_older_format():
    with folder() as path, fake(path) as p, exporter("--pid", p.pid) as port:
        status, kind, text = get(port)
        if status != 200 or kind != "text/plain; version=0.0.4; charset=utf-8":
            yield "status %d, type %s" % (status, kind)
        read = openmetrics.Text(text, is_open=False)
        yield from read.complaints[:10]
        if read.value("trimalloc_refaults_total", pid=str(p.pid)) != 101:
            yield "no refaults"
        if read.value("trimalloc_class_live_blocks", size="16") is not None:
            yield "size classes, though nobody asked for them"


def promtool(report):
    sentence = "promtool finds nothing wrong with the metrics"
    program = next((p for p in PROMTOOL if p and os.access(p, os.X_OK)), None)
    if program is None:
        report.skip(sentence, "there is no promtool: tools/quickcheck fetches one")
        return

    def complaints():
        with folder() as path, fake(path) as p, exporter("--pid", p.pid, "--classes") as port:
            text = get(port)[2]
        run = subprocess.run([program, "check", "metrics"], input=text, capture_output=True,
                             text=True, check=False)
        if run.returncode != 0 or run.stderr:
            yield "%d: %s%s" % (run.returncode, run.stdout, run.stderr)
        bad = subprocess.run([program, "check", "metrics"], input="a_total{ 1\n",
                             capture_output=True, text=True, check=False)
        if bad.returncode == 0:
            yield "it finds nothing wrong with nonsense either"
    report.sentence(sentence, complaints())


def finds_all():
    with folder() as one, folder() as two, fake(one) as p, fake(two, socket=None) as q, \
            fake(two, library=False, socket=None) as none, exporter() as port:
        read = openmetrics.Text(get(port, headers=OPEN)[2])
        yield from read.complaints[:10]
        for process, up in ((p, 1), (q, 0), (none, None)):
            got = read.value("trimalloc_up", pid=str(process.pid))
            if got != up:
                yield "up is %s, not %s" % (got, up)
        resident = read.value("trimalloc_process_resident_bytes", pid=str(q.pid))
        if not resident or resident < 1 << 20:
            yield "a process without a socket has %s bytes resident" % resident


def waits_for_nobody():
    modes = ("silent", "huge", "nonsense", "broken", "dies", "busy", "endless")
    with contextlib.ExitStack() as stack:
        processes = {m: stack.enter_context(fake(stack.enter_context(folder()), "--mode", m))
                     for m in modes}
        good = stack.enter_context(fake(stack.enter_context(folder())))
        stopped = stack.enter_context(fake(stack.enter_context(folder())))
        os.kill(stopped.pid, signal.SIGSTOP)
        pids = [w for p in [*processes.values(), good, stopped] for w in ("--pid", p.pid)]
        port = stack.enter_context(exporter("--deadline", "3", *pids))
        results = []
        scrapes = [threading.Thread(target=lambda: results.append(get(port, headers=OPEN)[2]))
                   for _ in range(3)]
        for scrape in scrapes:
            scrape.start()
        # Health does not wait for a scrape.
        if get(port, "/-/healthy")[0] != 200:
            yield "not healthy"
        for scrape in scrapes:
            scrape.join()
        # Two that hang for three seconds, one after the other, would take six.
        took = [openmetrics.Text(text).value("trimalloc_exporter_scrape_seconds")
                for text in results]
        if min(took) > 5.5:
            yield "scrapes took %s s" % took
        for text in results:
            read = openmetrics.Text(text)
            yield from read.complaints[:10]
            if read.value("trimalloc_up", pid=str(good.pid)) != 1:
                yield "the good one is not up"
            for mode, p in [*processes.items(), ("stopped", stopped)]:
                if read.value("trimalloc_up", pid=str(p.pid)) != 0:
                    yield "the one that is %s is up" % mode


def holds_to_http():
    with exporter("--pid", os.getpid()) as port:
        for path, method, status in (("/-/healthy", "GET", 200), ("/", "GET", 200),
                                     ("/metrics", "HEAD", 200), ("/other", "GET", 404),
                                     ("/metrics", "POST", 405), ("/../etc/passwd", "GET", 404)):
            got = get(port, path, method, body="x" * 100000 if method == "POST" else None)[0]
            if got != status:
                yield "%s %s gives %d, not %d" % (method, path, got, status)
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"\0\xff garbage " * 1000)
            rude.shutdown(socket.SHUT_WR)
            while rude.recv(4096):
                pass
        if get(port, "/-/healthy")[0] != 200:
            yield "garbage ended it"
        said = tool("exporter", "--listen", "127.0.0.1:%d" % port)
        yield from said.wrong(1, err=["nothing can listen on", "--listen"])


def bounds_connections():
    """Idle peers are many; the ones that ask are answered still or refused, and it lives on."""
    with exporter("--pid", os.getpid()) as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        for one in idle:
            one.close()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if get(port, "/-/healthy")[0] == 200:
                    return
            except OSError:
                pass
        yield "no answer after 200 idle connections"


def refuses_nonsense():
    for words in (("--listen", "9497"), ("--listen", "x:y:z"), ("--listen", "127.0.0.1:"),
                  ("--pid", "x"), ("more",), ("--deadline", "-1"), ("--listen", "300.1.1.1:1")):
        yield from tool("exporter", *words).wrong(2, err="trimalloc exporter --help")


def dashboard_fits():
    """Each series that the dashboard asks for is one that the exporter has."""
    with open(DASHBOARD, encoding="utf-8") as file:
        board = json.load(file)
    with folder() as path, fake(path) as p, exporter("--pid", p.pid, "--classes") as port:
        have = {name for name, _ in openmetrics.Text(get(port, headers=OPEN)[2]).samples}
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    names = set(re.findall(r"\btrimalloc_\w+", " ".join(asked)))
    yield from sorted("%s is not exported" % name for name in names - have)
    if len(asked) < 10:
        yield "only %d series" % len(asked)
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        yield "two panels have one number"


def main():
    report = tap.Report()
    if not t.has_part("exporter"):
        report.skip("the exporter serves metrics", "libmicrohttpd or jansson is not in this build")
        report.end()
    report.sentence("a scraper that takes OpenMetrics gets it, to the letter", serves_openmetrics())
    report.sentence("each row of the table of metrics has a sample", has_a_sample_of_each())
    report.sentence("others get the older format", serves_the_older_format())
    promtool(report)
    report.sentence("without --pid, every process that has the library is there", finds_all())
    report.sentence("no process that hangs or lies holds up a scrape", waits_for_nobody())
    report.sentence("it keeps to HTTP, and garbage does not end it", holds_to_http())
    report.sentence("two hundred idle connections do not end it", bounds_connections())
    report.sentence("nonsense on the command line is refused", refuses_nonsense())
    report.sentence("the dashboard asks for what is exported", dashboard_fits())
    report.end()


main()
