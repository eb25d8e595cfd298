#!/usr/bin/env python3
"""dump.py -- the statistics on a signal and from time to time: where they go, that
they are whole, and that nobody else's signal is taken.
"""

import json
import os
import signal
import threading
import time
import xml.etree.ElementTree

import target
from target import THREAD, Failed, Target, wait_for

FIRST = " statistics, process "


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def numbered(folder):
    """The numbers of the files dump.N, in order; temporary ones are not of that name."""
    return sorted(int(name[5:]) for name in os.listdir(folder)
                  if name.startswith("dump.") and name[5:].isdigit())


def catches(pid, number, field="SigCgt"):
    """Is the signal in this set of the kernel's?"""
    for line in read("/proc/%d/status" % pid).splitlines():
        if line.startswith(field):
            return int(line.split()[1], 16) >> (number - 1) & 1 == 1
    raise Failed("no " + field)


def a_signal_has_the_statistics_written_to_a_file(folder):
    with Target(folder, conf="dump_path:%s/dump.%%p" % folder) as one:
        path = "%s/dump.%d" % (folder, one.pid)
        one.kill()
        wait_for(lambda: os.path.exists(path), "the file")
        if FIRST not in read(path).splitlines()[0] or not read(path).endswith("\n"):
            yield read(path)
        if one.end() != 0 or one.errors():
            yield one.errors()
    if sorted(os.listdir(folder)) != ["dump.%d" % one.pid, "stderr"]:
        yield from sorted(os.listdir(folder))


def without_a_path_they_go_to_standard_error(folder):
    with Target(folder) as one:
        one.kill()
        wait_for(lambda: FIRST in one.errors(), "the report")
        if one.end() != 0:
            yield one.errors()


def they_go_there_when_the_first_thread_has_ended(folder):
    with Target(folder) as one:
        one.send("libc.pthread_exit(None)")
        wait_for(lambda: not target.alive(one.pid), "its end")
        one.kill()
        wait_for(lambda: FIRST in one.errors(), "the report")


def each_form_can_be_asked_for(folder):
    readers = {"text": lambda text: FIRST in text, "json": json.loads,
               "xml": xml.etree.ElementTree.fromstring}
    for form, reader in readers.items():
        path = "%s/%s" % (folder, form)
        with Target(folder, conf="dump_form:%s,dump_path:%s" % (form, path)) as one:
            one.kill()
            wait_for(lambda: os.path.exists(path), path)
            if reader(read(path)) in (None, False):
                yield "%s: %s" % (form, read(path)[:100])


def another_signal_may_be_chosen(folder):
    with Target(folder, conf="dump_signal:SIGUSR1,dump_path:dump.%n") as one:
        one.kill()
        one.kill(signal.SIGUSR1)
        wait_for(lambda: numbered(folder) == [1], "one file")
        one.kill(signal.SIGUSR1)
        wait_for(lambda: numbered(folder) == [1, 2], "two files")
        if one.end() != 0:
            yield one.errors()


def a_signal_may_be_switched_off(folder):
    with Target(folder, conf="dump_signal:0,dump_path:dump.%n,stats_interval:0") as one:
        if catches(one.pid, signal.SIGURG):
            yield "SIGURG is caught"
        one.kill()
        one.do("burst()")
        if numbered(folder):
            yield "a file was written"


def only_so_many_files_stay(folder):
    with Target(folder, conf="dump_path:dump.%n,dump_keep:3") as one:
        for n in range(1, 6):
            one.kill()
            want = list(range(max(1, n - 2), n + 1))
            wait_for(lambda want=want: numbered(folder) == want, str(want))
        if one.end() != 0:
            yield one.errors()


def of_a_name_that_does_not_change_the_older_ones_get_numbers(folder):
    with Target(folder, conf="dump_path:dump,dump_keep:3") as one:
        for n in range(1, 5):
            before = os.stat(folder + "/dump").st_ino if n > 1 else 0
            one.kill()
            wait_for(lambda before=before: os.path.exists(folder + "/dump")
                     and os.stat(folder + "/dump").st_ino != before, "the next file")
        if sorted(os.listdir(folder)) != ["dump", "dump.1", "dump.2", "stderr"]:
            yield from os.listdir(folder)


def a_reader_never_sees_a_part_of_a_file(folder):
    """JSON is whole or it is none; the reader opens as often as it can."""
    path = folder + "/dump"
    with Target(folder, conf="dump_path:dump,dump_form:json,dump_keep:2") as one:
        one.kill()
        wait_for(lambda: os.path.exists(path), "the first file")
        seen, files, end = 0, set(), time.monotonic() + 30
        while len(files) < 8 and time.monotonic() < end:
            one.kill()
            files.add(json.loads(read(path))["time_ms"])
            seen += 1
        if len(files) < 8:
            yield "%d files in %d looks" % (len(files), seen)


def a_storm_of_signals_is_answered_ten_times_a_second(folder):
    """And with the last of them, however many there were."""
    with Target(folder, conf="dump_path:dump.%n,dump_keep:1000") as one:
        begin = time.monotonic()
        for _ in range(20000):
            one.kill()
        took = time.monotonic() - begin
        one.do("pass")
        one.do("burst(1, 123456789)")
        before = max(numbered(folder), default=0)
        one.kill()
        wait_for(lambda: max(numbered(folder), default=0) > before, "a report after the last")
        most = took * 10 + 5
        if before > most:
            yield "%d reports in %.1f s" % (before, took)
        if one.end() != 0:
            yield one.errors()


def a_storm_does_not_have_memory_looked_through_more_often(folder):
    """Ticks come in their time: with decay_ms 10,000 there is none in two seconds."""
    with Target(folder, conf="decay_ms:3600000,dump_path:dump,dump_form:json") as one:
        one.do("burst()")
        end = time.monotonic() + 2
        while time.monotonic() < end:
            one.kill()
        wait_for(lambda: os.path.exists(folder + "/dump"), "the report")
        ticks = json.loads(read(folder + "/dump"))["reclaim"]["ticks"]
        if ticks > 2:
            yield "%d ticks" % ticks


def a_handler_that_the_program_has_is_kept(folder):
    code = "hits = []\nsignal.signal(signal.SIGURG, lambda *_: hits.append(1))\n" + THREAD
    with Target(folder, code, conf="dump_path:dump.%n") as one:
        one.kill()
        one.do("while not hits: time.sleep(0.001)")
        one.do("start_thread(); burst()")
        if numbered(folder):
            yield "a file was written"


def a_handler_that_the_program_installs_later_is_kept(folder):
    with Target(folder, conf="dump_path:dump.%n") as one:
        one.kill()
        wait_for(lambda: numbered(folder) == [1], "the file")
        one.do("hits = []; signal.signal(signal.SIGURG, lambda *_: hits.append(1))")
        one.kill()
        one.do("while not hits: time.sleep(0.001)")
        one.do("start_thread(); burst()")
        if numbered(folder) != [1]:
            yield "a file was written"


def a_signal_that_the_program_ignores_stays_ignored(folder):
    code = "signal.signal(signal.SIGURG, signal.SIG_IGN)\n" + THREAD
    with Target(folder, code) as one:
        if not catches(one.pid, signal.SIGURG, "SigIgn") or catches(one.pid, signal.SIGURG):
            yield "it is not ignored any more"


def a_process_of_one_thread_lets_the_signal_pass(folder):
    with Target(folder, code="", conf="dump_path:dump.%n") as one:
        one.kill()
        one.do("pass")
        if one.threads() != ["python3"] and len(one.threads()) != 1:
            yield str(one.threads())
        one.do("start_thread()")
        one.kill()
        wait_for(lambda: numbered(folder) == [1], "the file, once there is a thread")


FORK = """
child = os.fork()
if child == 0:
    %s
    sys.stdin = open("/dev/null")
    while True: time.sleep(60)
print(child, flush=True)
"""


def forked(one, code="pass"):
    one.do("exec(%r)" % (FORK % code).replace("print(child, flush=True)", "out = child"))
    one.send("print(out, flush=True)")
    pid = int(one.line())
    one.expect("done")
    return pid


def the_child_of_a_fork_writes_its_own(folder):
    with Target(folder, conf="dump_path:dump.%p") as one:
        one.kill()
        wait_for(lambda: numbered(folder) == [one.pid], "the parent's file")
        child = forked(one, "start_thread()")
        try:
            wait_for(lambda: len(os.listdir("/proc/%d/task" % child)) == 3, "its threads")
            os.kill(child, signal.SIGURG)
            wait_for(lambda: sorted(numbered(folder)) == sorted([one.pid, child]), "the child's file")
        finally:
            os.kill(child, signal.SIGKILL)
        if one.end() != 0:
            yield one.errors()


def a_child_does_not_remove_its_parent_s_files(folder):
    with Target(folder, conf="dump_path:dump.%n,dump_keep:1") as one:
        for n in (1, 2, 3):
            one.kill()
            wait_for(lambda n=n: numbered(folder) == [n], str(n))
        child = forked(one, "start_thread()")
        try:
            wait_for(lambda: len(os.listdir("/proc/%d/task" % child)) == 3, "its threads")
            os.kill(child, signal.SIGURG)
            wait_for(lambda: numbered(folder) == [1, 3], "the child's first file beside the parent's")
        finally:
            os.kill(child, signal.SIGKILL)
    return []


def a_child_after_exec_does_not_know_the_handler(folder):
    """Nor does a signal to it reach its parent."""
    with Target(folder, conf="dump_path:dump.%p") as one:
        one.do("import subprocess; child = subprocess.Popen(['sleep', '60']); out = child.pid")
        one.send("print(out, flush=True)")
        child = int(one.line())
        one.expect("done")
        wait_for(lambda: "sleep" in read("/proc/%d/comm" % child), "the child's program")
        if catches(child, signal.SIGURG) or catches(child, signal.SIGURG, "SigIgn"):
            yield "the child has the handler"
        os.kill(child, signal.SIGURG)
        one.kill()
        wait_for(lambda: numbered(folder), "the parent's file")
        if numbered(folder) != [one.pid]:
            yield str(numbered(folder))
        one.do("child.kill(); child.wait()")


def a_child_of_one_thread_answers_when_it_frees(folder):
    """The handler is inherited and remembers; the trim thread comes with the next free."""
    with Target(folder, conf="dump_path:dump.%p") as one:
        child = forked(one, "signal.signal(signal.SIGUSR1, lambda *_: burst(2000))")
        try:
            wait_for(lambda: catches(child, signal.SIGUSR1), "its handler")
            os.kill(child, signal.SIGURG)
            os.kill(child, signal.SIGUSR1)
            wait_for(lambda: numbered(folder) == [child], "the child's file")
        finally:
            os.kill(child, signal.SIGKILL)
    return []


def statistics_come_by_themselves_when_an_interval_is_set(folder):
    begin = time.monotonic()
    with Target(folder, conf="stats_interval:1,dump_path:dump.%n") as one:
        wait_for(lambda: len(numbered(folder)) >= 3, "three files")
        # On a busy machine they may be late, but never early.
        if time.monotonic() - begin < 2.9:
            yield "three files within %.1f s" % (time.monotonic() - begin)
        if one.end() != 0 or one.errors():
            yield one.errors()


def an_interval_is_kept_by_a_process_of_one_thread(folder):
    with Target(folder, code="", conf="stats_interval:1,dump_path:dump.%n") as one:
        one.do("burst(2000)")
        wait_for(lambda: len(numbered(folder)) == 2, "two files")
    return []


def what_goes_wrong_is_said_once(folder):
    with Target(folder, conf="dump_path:%s/no/dump" % folder) as one:
        one.kill()
        wait_for(one.errors, "a complaint")
        for _ in range(5):
            one.kill()
            time.sleep(0.15)
        os.mkdir(folder + "/no")
        one.kill()
        wait_for(lambda: os.path.exists(folder + "/no/dump"), "the file, once it can be made")
        lines = one.errors().splitlines()
        if len(lines) != 1 or not lines[0].startswith("trimalloc: dump_path: %s/no/dump could not" % folder):
            yield from lines


def resident(pid):
    for line in read("/proc/%d/smaps_rollup" % pid).splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise Failed("no such line")


def who_does_not_read_standard_error_holds_nothing_up(folder):
    """A full pipe costs the trim thread a second, and no memory stays for it."""
    ends = os.pipe()
    with Target(folder, stderr=ends[1]) as one:
        os.close(ends[1])
        os.set_blocking(ends[0], False)
        stop = threading.Event()

        def storm():
            while not stop.is_set():
                one.kill()
                time.sleep(0.001)
        thread = threading.Thread(target=storm)
        thread.start()
        try:
            # Longer than 64 KiB, which the pipe takes, last.
            time.sleep(3)
            before = resident(one.pid)
            one.do("burst(30000)")
            wait_for(lambda: resident(one.pid) < before + (20 << 20), "the memory is back", 40)
        finally:
            stop.set()
            thread.join()
        os.close(ends[0])
    return []


def a_program_ends_in_the_middle_of_a_storm(folder):
    for _ in range(20):
        with Target(folder, conf="dump_path:dump") as one:
            one.process.stdin.close()
            while one.process.poll() is None:
                one.kill()
            if one.process.returncode != 0:
                yield "%d: %s" % (one.process.returncode, one.errors())


if __name__ == "__main__":
    target.run([
        a_signal_has_the_statistics_written_to_a_file,
        without_a_path_they_go_to_standard_error,
        they_go_there_when_the_first_thread_has_ended,
        each_form_can_be_asked_for,
        another_signal_may_be_chosen,
        a_signal_may_be_switched_off,
        only_so_many_files_stay,
        of_a_name_that_does_not_change_the_older_ones_get_numbers,
        a_reader_never_sees_a_part_of_a_file,
        a_storm_of_signals_is_answered_ten_times_a_second,
        a_storm_does_not_have_memory_looked_through_more_often,
        a_handler_that_the_program_has_is_kept,
        a_handler_that_the_program_installs_later_is_kept,
        a_signal_that_the_program_ignores_stays_ignored,
        a_process_of_one_thread_lets_the_signal_pass,
        the_child_of_a_fork_writes_its_own,
        a_child_does_not_remove_its_parent_s_files,
        a_child_after_exec_does_not_know_the_handler,
        a_child_of_one_thread_answers_when_it_frees,
        statistics_come_by_themselves_when_an_interval_is_set,
        an_interval_is_kept_by_a_process_of_one_thread,
        what_goes_wrong_is_said_once,
        who_does_not_read_standard_error_holds_nothing_up,
        a_program_ends_in_the_middle_of_a_storm,
    ])
