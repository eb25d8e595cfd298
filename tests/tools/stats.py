#!/usr/bin/env python3
"""stats.py -- stats, ctl, trim, dump and options ask a process by its socket.

The process is fake.py: what is tested here is the command.
"""

import json
import os
import signal
import socket
import stat
import subprocess
import time

import tool as t
from tool import fake, folder, tap, tool


def shows_each_form():
    with folder() as path, fake(path) as p:
        yield from tool("stats", p.pid).wrong(0, out="allocated  50331648 bytes")
        said = tool("stats", "--json", p.pid)
        yield from said.wrong(0)
        if json.loads(said.out)["pid"] != p.pid:
            yield "the JSON is of another process"
        yield from tool("stats", p.pid, "--xml").wrong(0, out='<malloc version="1"/>')


def converts_to_metrics():
    with folder() as path, fake(path) as p:
        said = tool("stats", p.pid, "--prometheus")
        labels = '{pid="%d",comm="fake"' % p.pid
        yield from said.wrong(0, out=[
            "# TYPE trimalloc_allocated_bytes gauge\n",
            "trimalloc_allocated_bytes%s} %d\n" % (labels, (48 << 20) + 1024),
            "# TYPE trimalloc_refaults_total counter\n",
            "trimalloc_refaults_total%s} 101\n" % labels,
            'trimalloc_purges_total%s,kind="slabs"} 5\n' % labels,
            'trimalloc_arena_active_bytes%s,arena="1"} %d\n' % (labels, 29 << 20),
            "trimalloc_trim_cpu_seconds_total%s} 0.0025\n" % labels,
            "trimalloc_pressure_level%s} 1\n" % labels,
            "trimalloc_up%s} 1\n" % labels])
        if "# EOF" in said.out or "# UNIT" in said.out:
            yield "the older format has lines of OpenMetrics"
        said = tool("stats", p.pid, "--openmetrics")
        yield from said.wrong(0, out=["# TYPE trimalloc_refaults counter\n",
                                      "# UNIT trimalloc_allocated_bytes bytes\n"])
        if not said.out.endswith("\n# EOF\n"):
            yield "OpenMetrics does not end with # EOF"


def shows_changes():
    with folder() as path, fake(path) as p:
        said = tool("stats", p.pid, "--diff", "--watch", "0.05", "--count", "2")
        yield from said.wrong(0, out="bytes.allocated")
        rows = [line.split() for line in said.out.splitlines()]
        changed = {row[0] for row in rows} - {"name"}
        # Three numbers of the fake grow by each look, besides the clock.
        if changed != {"bytes.allocated", "counts.refaults", "reclaim.ticks"}:
            yield "these are said to have changed: %s" % sorted(changed)
        if ["counts.refaults", "101", "102", "+1"] not in rows:
            yield "refaults: %s" % said.out
        if ["counts.refaults", "102", "103", "+1"] not in rows:
            yield "the second look is compared with the first one's before: %s" % said.out


def watches():
    with folder() as path, fake(path) as p:
        said = tool("stats", p.pid, "--json", "--watch", "0.02", "--count", "3")
        yield from said.wrong(0)
        counts = [json.loads(line)["counts"]["refaults"] for line in said.out.splitlines()]
        if counts != [101, 102, 103]:
            yield "three looks saw %s" % counts
        # Only a process that is there is watched on.
        watch = subprocess.Popen([t.TOOL, "stats", "--watch", "60", str(p.pid)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=t.environment())
        watch.stdout.readline()
        p.kill()
        _, err = watch.communicate(timeout=30)
        if watch.returncode != t.NO_PROCESS or "ended" not in err:
            yield "the process ended, the watch said %d: %s" % (watch.returncode, err)


def steers():
    with folder() as path, fake(path) as p:
        yield from tool("trim", p.pid).wrong(0, out="3.0 MiB given back by process %d" % p.pid)
        yield from tool("ctl", p.pid, "trimalloc.decay_ms").wrong(0, out="1000\n")
        yield from tool("ctl", p.pid, "trimalloc.decay_ms=250").wrong(0)
        yield from tool("ctl", p.pid, "trimalloc.decay_ms", "version").wrong(
            0, out="trimalloc.decay_ms=250\nversion=0.1.0\n")
        yield from tool("ctl", p.pid, "--call", "trimalloc.trim").wrong(0)
        yield from tool("ctl", p.pid, "--list").wrong(0, out="trimalloc.decay_ms ssize rw\n")
        yield from tool("options", p.pid).wrong(0, out="decay_ms=1000\n")
        yield from tool("dump", "--socket", p.pid).wrong(0, out="/tmp/report.%d\n" % p.pid)


def explains_refusals():
    with folder() as path, fake(path) as p:
        yield from tool("ctl", p.pid, "no.such").wrong(1, err=["no.such", "noent", "--list"])
        yield from tool("ctl", p.pid, "version=1").wrong(1, err=["only be read", "perm"])
        yield from tool("ctl", p.pid, "trimalloc.decay_ms=x").wrong(1, err=["inval", "types"])
        for words in ((), (p.pid,), ("abc", "version"), (p.pid, ""), (p.pid, "a\nb"),
                      (p.pid, "x" * 5000), ("-1", "version"), ("0", "version")):
            yield from tool("ctl", *words).wrong(2, err="trimalloc ctl --help")
        for words in ((), (1, 2), ("1x",), ("--watch", "0", 1), ("--watch", "x", 1),
                      ("--diff", "--json", 1), ("--count", "0", 1), ("99999999999",)):
            yield from tool("stats", *words).wrong(2, err="trimalloc stats --help")


def sends_its_signal():
    for conf, number, name in (("", signal.SIGURG, "SIGURG"),
                               ("dump_signal:USR2", signal.SIGUSR2, "SIGUSR2"),
                               ("dump_signal:USR2,dump_signal:SIGUSR1", signal.SIGUSR1, "SIGUSR1"),
                               ("dump_signal:10", signal.SIGUSR1, "SIGUSR1")):
        with folder() as path, fake(path, "--signal", str(int(number)), conf=conf,
                                    socket=None) as p:
            yield from tool("dump", p.pid).wrong(0, err=name)
            line = p.stdout.readline()
            if line != "signalled\n":
                yield "%s: the process got %r" % (conf, line)
    with folder() as path, fake(path, conf="dump_signal:USR2", socket=None) as p:
        # Its default action would end the process.
        yield from tool("dump", p.pid).wrong(1, err=["does not wait", "USR2"])
        if p.poll() is not None:
            yield "the process was killed by its dump"
    with folder() as path, fake(path, conf="dump_signal:0", socket=None) as p:
        yield from tool("dump", p.pid).wrong(1, err=["off", "--socket"])


def knows_why_not():
    with folder() as path:
        ended = subprocess.Popen(["true"])
        ended.wait()
        yield from tool("stats", ended.pid).wrong(3, err=["there is no process %d" % ended.pid,
                                                          "top --once"])
        zombie = subprocess.Popen(["true"])
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        yield from tool("stats", zombie.pid).wrong(3, err="has ended")
        zombie.wait()
        with fake(path, library=False, socket=None) as p:
            yield from tool("stats", p.pid).wrong(4, err=["no trimalloc in it", "trimalloc run"])
            yield from tool("dump", p.pid).wrong(4, err="no trimalloc in it")
        with fake(path, socket=None) as p:
            yield from tool("stats", p.pid).wrong(
                5, err=["no control socket", "run --control", "trimalloc dump %d" % p.pid])
        with fake(path, socket=None, conf="control:%s/none" % path) as p:
            yield from tool("stats", p.pid).wrong(5, err=["has no socket at %s/none" % path])
        with fake(path, socket=None, conf="control:%s/libtrimalloc.so" % path) as p:
            yield from tool("stats", p.pid).wrong(5, err="not a socket")
        with fake(path, socket="gone"):
            pass
        with fake(path, socket=None, conf="control:%s/gone" % path) as p:
            yield from tool("stats", p.pid).wrong(5, err=["nobody listens", "stale"])
        with fake(path, socket="mine") as one, \
                fake(path, socket=None, conf="control:%s/mine" % path) as other:
            yield from tool("stats", one.pid).wrong(0)
            yield from tool("stats", other.pid).wrong(5, err=["of %d" % one.pid, "%p"])
        with fake(path) as p:
            # Served by a thread of its own, which lives as long as the connection.
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(os.path.join(path, "s"))
                client.sendall(b"hello\n")
                client.recv(1)
                tids = map(int, os.listdir("/proc/%d/task" % p.pid))
                tid = next(tid for tid in tids if tid != p.pid)
                yield from tool("stats", tid).wrong(3, err=["is a thread of", "stats %d" % p.pid])


def finds_odd_paths():
    with folder() as path:
        deep = path
        for _ in range(4):
            deep = os.path.join(deep, "d" * 60)
        os.makedirs(deep)
        with fake(path, socket=os.path.relpath(os.path.join(deep, "socket"), path)) as p:
            yield from tool("stats", p.pid).wrong(0, out="allocated")
        # The last one of an option counts; %p is the process's number.
        name = os.path.join(path, "s")
        with fake(path, socket="s2", conf="control:/nowhere,control:%s2" % name) as p:
            yield from tool("stats", p.pid).wrong(0)
        with fake(path, socket="100%", conf="control:%s/100%%%%" % path) as p:
            yield from tool("stats", p.pid).wrong(0)
        os.symlink(path, os.path.join(path, "link"))
        with fake(path, socket="s3", conf="control:%s/link/s3" % path) as p:
            yield from tool("stats", p.pid).wrong(0)
        with fake(path, socket="s4", conf="control:s4", cwd=path) as p:
            yield from tool("stats", p.pid).wrong(0)


def survives_bad_answers():
    cases = (("silent", 7, ["did not answer within 0.3 s", "--timeout"]),
             ("endless", 1, "closed the connection"),
             ("huge", 1, "not understood"), ("nonsense", 1, "not understood"),
             ("dies", 3, "ended before it answered"), ("busy", 1, ["busy", "try again"]))
    for mode, code, words in cases:
        with folder() as path, fake(path, "--mode", mode) as p:
            started = time.monotonic()
            yield from ("%s: %s" % (mode, w) for w in
                        tool("stats", p.pid, "--timeout", "0.3" if mode == "silent" else "20")
                        .wrong(code, err=words))
            if time.monotonic() - started > 15:
                yield "%s took %d s" % (mode, time.monotonic() - started)
    with folder() as path, fake(path, "--mode", "slow") as p:
        yield from tool("stats", p.pid, "--json").wrong(0, out='"counts"')
    with folder() as path, fake(path, "--mode", "broken") as p:
        yield from tool("stats", p.pid, "--prometheus").wrong(1, err="not understood")
        yield from tool("stats", p.pid, "--diff", "--watch", "0.01").wrong(1, err="not understood")
    with folder() as path, fake(path) as p:
        os.kill(p.pid, signal.SIGSTOP)
        yield from tool("stats", p.pid, "--timeout", "0.3").wrong(7, err="stopped")


def namespaces(report):
    """A process in a pid, mount and user namespace of its own, as in a container."""
    prefix = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount",
              "--mount-proc"]
    sentence = "a process in namespaces of its own is found by its number outside"
    try:
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
            report.skip(sentence, "no namespaces can be made here")
            return
    except FileNotFoundError:
        report.skip(sentence, "there is no unshare here")
        return
    report.sentence(sentence, in_namespace(prefix))


def in_namespace(prefix):
    with folder() as path:
        # Inside, the socket's folder is another one, and its number is 1.
        inside = os.path.join(path, "inside")
        os.makedirs(inside)
        script = 'mount -t tmpfs none %s && exec "$@"' % inside
        with fake(path, socket="inside/s.1", conf="control:%s/s.%%p" % inside,
                  prefix=[*prefix, "sh", "-c", script, "sh"]) as p:
            with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as file:
                pid = int(file.read().split()[0])
            if os.path.exists(os.path.join(inside, "s.1")):
                yield "the socket can be seen from outside: nothing is shown"
            yield from tool("stats", pid).wrong(0, out="allocated")


def refuses_strangers():
    if os.geteuid() != 0:
        return
    with folder() as path, fake(path) as p:
        os.chmod(path, 0o755)
        said = tool("stats", p.pid, user=65534, group=65534, extra_groups=[])
        yield from said.wrong(6, err=["belongs to root", "sudo trimalloc stats %d" % p.pid])


def is_plain_in_pipes():
    with folder() as path, fake(path) as p:
        for words in (("stats", p.pid), ("stats", 999999999), ("--help",), ("options",),
                      ("stats", "--diff", "--watch", "0.01", "--count", "1", p.pid)):
            said = tool(*words)
            if "\033" in said.out + said.err:
                yield "%s has colours in a pipe" % (words,)
        for env, colour in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
                            ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": ""}, True)):
            if ("\033" in on_terminal(["--help"], env)) != colour:
                yield "%s: colours %s" % (env, "missing" if colour else "all the same")


def on_terminal(words, env):
    """What the command writes on a terminal."""
    master, slave = os.openpty()
    run = subprocess.Popen([t.TOOL, *map(str, words)], stdin=slave, stdout=slave, stderr=slave,
                           env=t.environment(**env) if "NO_COLOR" not in env
                           else dict(t.environment(), **env))
    os.close(slave)
    text = b""
    try:
        while True:
            got = os.read(master, 4096)
            if not got:
                break
            text += got
    except OSError:
        pass
    os.close(master)
    run.wait()
    return text.decode(errors="replace")


def is_executable():
    mode = os.stat(t.TOOL).st_mode
    return [] if mode & stat.S_IXUSR else ["mode %o" % mode]


def main():
    report = tap.Report()
    report.sentence("stats shows a report as text, JSON and XML", shows_each_form())
    if t.has_part("metrics"):
        report.sentence("stats makes metrics of a report", converts_to_metrics())
        report.sentence("stats --diff shows what changed, and nothing else", shows_changes())
    else:
        report.skip("stats makes metrics of a report", "jansson is not in this build")
    report.sentence("stats --watch looks again until the process ends", watches())
    report.sentence("trim, ctl, options and dump ask by the socket", steers())
    report.sentence("what the library refuses is explained", explains_refusals())
    report.sentence("dump sends the signal that the process waits for, and no other",
                    sends_its_signal())
    report.sentence("each reason why a process cannot be asked has its words and code",
                    knows_why_not())
    report.sentence("the socket is found at long, expanded, linked and relative paths",
                    finds_odd_paths())
    report.sentence("no answer, however wrong, hangs or ends the command", survives_bad_answers())
    namespaces(report)
    report.sentence("another user's process is refused with advice", refuses_strangers())
    report.sentence("colours are for terminals, and not where NO_COLOR is set",
                    is_plain_in_pipes())
    report.end()


main()
