#!/usr/bin/env python3
"""control.py -- the control socket: what it answers and to whom, and what becomes
of its file.
"""

import contextlib
import json
import os
import re
import socket
import stat
import subprocess
import sys
import time

import target
from dump import forked, read
from peer import CONF, Peer, answers, served, sockets
from target import THREAD, Skipped, Target, wait_for

NOBODY = 65534


def each_request_is_answered(folder):
    with served(folder, more=",dump_path:dump") as one, Peer(one.path) as peer:
        for line, pattern in (
                ("hello", rb"trimalloc \S+ format 1\n"), ("stats text", rb"trimalloc .* statistics.*\n"),
                ("stats xml", rb"<malloc .*</malloc>\n"), ("stats jemalloc", rb"___ Begin.*\n"), ("trim", rb"bytes \d+\n"),
                ("get version", rb"[^\n]+\n"), ("list", rb"([\w.<>]+ [\w *]+ r[ow]\n)+"),
                ("options", rb"(\w+=[^\n]*\n)+"), ("dump", rb"dump\n")):
            head, body = peer.ask(line)
            if not head.startswith("ok ") or not re.fullmatch(pattern, body, re.DOTALL):
                yield "%s: %s%s" % (line, head, body[:200])
        if json.loads(peer.ask("stats json")[1])["pid"] != one.pid:
            yield "another process's statistics"
        if not os.path.exists(folder + "/dump"):
            yield "no dump"


def a_dump_that_cannot_be_written_says_why(folder):
    with served(folder, more=",dump_path:none/dump") as one, Peer(one.path) as peer:
        if peer.ask("dump")[0].strip() != "error io there is no such file or directory":
            yield peer.ask("dump")[0]
    with served(folder, more=",dump_path:stderr.link") as one, Peer(one.path) as peer:
        os.symlink("/proc/self/fd/2", folder + "/stderr.link")
        if peer.ask("dump")[0].strip() != "error io it is there already" or not os.path.islink(folder + "/stderr.link"):
            yield peer.ask("dump")[0]
        wait_for(lambda: "what is there is no file" in one.errors(), "a complaint")


def values_can_be_read_and_written(folder):
    with served(folder) as one, Peer(one.path) as peer:
        for line, want in (("get background_thread", b"true\n"), ("get opt.narenas", None),
                           ("set thread.tcache.enabled=false", "error perm"),
                           ("get nonsense", "error noent"), ("set nonsense=1", "error noent"),
                           ("set version", "error inval"), ("set version=2", "error perm"),
                           ("call nonsense", "error noent")):
            head, body = peer.ask(line)
            if isinstance(want, str) and not head.startswith(want) or isinstance(want, bytes) and body != want:
                yield "%s: %s%s" % (line, head, body)


def requests_may_follow_each_other_at_once(folder):
    with served(folder) as one, Peer(one.path) as peer:
        peer.send(b"hello\nnonsense\nhello\n" * 100 + b"hello\n")
        for i in range(301):
            head, _ = peer.answer()
            if not head.startswith("error noent " if i % 3 == 1 else "ok "):
                yield "%d: %s" % (i, head)


def what_is_sent_before_the_end_is_answered(folder):
    """As a shell's printf 'hello\\nlist\\n' | nc -U does it."""
    with served(folder) as one, Peer(one.path) as peer:
        peer.send(b"hello\nlist\nhalf a li")
        peer.socket.shutdown(socket.SHUT_WR)
        if not peer.answer()[1] or not peer.answer()[1] or peer.answer()[0]:
            yield "not two answers and the end"


def a_line_of_4096_bytes_is_one_and_of_4097_is_none(folder):
    with served(folder) as one:
        with Peer(one.path) as peer:
            head, _ = peer.ask("get " + "x" * 4092)
            if not head.startswith("error noent"):
                yield head
            # Its end does not come, but it is too long by then.
            peer.send(b"get " + b"x" * 4093)
            head, _ = peer.answer()
            if not head.startswith("error toolong") or not peer.is_closed():
                yield head
        with Peer(one.path) as peer:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                peer.send(b"x" * 1000000)
            if not peer.answer()[0].startswith("error toolong"):
                yield "a million bytes"


def only_its_user_may_open_it(folder):
    with served(folder) as one:
        mode = os.stat(one.path).st_mode
        if not stat.S_ISSOCK(mode) or stat.S_IMODE(mode) != 0o600:
            yield oct(mode)


def whatever_the_umask_the_mode_is_0600(folder):
    for mask in (0, 0o777):
        with served(folder, "os.umask(%d)\n" % mask + THREAD) as one:
            mode = stat.S_IMODE(os.stat(one.path).st_mode)
            if mode != 0o600:
                yield "umask %o: %o" % (mask, mode)


ASK_AS_NOBODY = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
if sys.argv[2] == "before":
    os.setuid(%d)
s.connect(sys.argv[1])
print(s.makefile().readline().strip())
""" % NOBODY


def another_user_is_refused(folder):
    """By the file's rights; and by who he is where those were widened."""
    if os.geteuid() != 0:
        raise Skipped("only root can be another user")
    os.chmod(folder, 0o755)
    with served(folder) as one:
        def ask(when):
            return subprocess.run([sys.executable, "-c", ASK_AS_NOBODY, one.path, when], text=True, cwd="/",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if "PermissionError" not in ask("before").stderr:
            yield "it could connect"
        os.chmod(one.path, 0o666)
        said = ask("before").stdout
        if not said.startswith("error perm "):
            yield "it was answered: " + said


def a_process_that_changed_its_user_answers_the_new_one_and_root(folder):
    if os.geteuid() != 0:
        raise Skipped("only root can be another user")
    os.chmod(folder, 0o755)
    with served(folder) as one:
        one.do("os.seteuid(%d)" % NOBODY)
        if not answers(one.path):
            yield "root was refused"
        os.chown(one.path, NOBODY, NOBODY)
        said = subprocess.run(
            [sys.executable, "-c", ASK_AS_NOBODY.replace("s.connect(sys.argv[1])",
                                                         "s.connect(sys.argv[1]); s.sendall(b'hello\\n')"),
             one.path, "before"], text=True, cwd="/", stdout=subprocess.PIPE, check=False).stdout
        if not said.startswith("ok "):
            yield "its new user was refused: " + said


def its_descriptors_are_not_the_program_s(folder):
    with served(folder) as one, Peer(one.path) as peer:
        peer.ask("hello")
        for fd in os.listdir("/proc/%d/fd" % one.pid):
            link = os.readlink("/proc/%d/fd/%s" % (one.pid, fd))
            if not link.startswith(("pipe:", "/")):
                yield "%s: %s" % (fd, link)
        one.do("assert os.open('/dev/null', os.O_RDONLY) == 3")


def without_the_option_there_is_none(folder):
    with Target(folder) as one:
        one.do("burst()")
        if "trimalloc-ctl" in one.threads() or "trimalloc" not in one.threads():
            yield str(one.threads())


def it_goes_when_the_program_exits(folder):
    with served(folder) as one:
        if one.end() != 0:
            yield one.errors()
    if sockets(folder):
        yield str(sockets(folder))


def what_was_killed_is_replaced(folder):
    """A fixed path, whose owner is gone without a word."""
    conf = "control:%s/fixed.sock" % folder
    with Target(folder, conf=conf) as one:
        wait_for(lambda: answers(folder + "/fixed.sock"), "the socket")
        one.process.kill()
        one.process.wait()
    if sockets(folder) != ["fixed.sock"]:
        yield "nothing is left"
    with Target(folder, conf=conf) as one:
        wait_for(lambda: answers(folder + "/fixed.sock"), "the next one's")
        if one.end() != 0 or one.errors():
            yield one.errors()
    if sockets(folder):
        yield "it is still there"


def what_lives_is_left_alone(folder):
    conf = "control:%s/fixed.sock" % folder
    other = os.path.join(folder, "other")
    os.mkdir(other)
    with Target(folder, conf=conf) as one:
        wait_for(lambda: answers(folder + "/fixed.sock"), "the socket")
        with Target(other, conf=conf) as two:
            wait_for(two.errors, "a complaint")
            if two.errors().count("\n") != 1 or "left alone" not in two.errors():
                yield two.errors()
            if two.end() != 0:
                yield "the second one ended badly"
        with Peer(folder + "/fixed.sock") as peer:
            if json.loads(peer.ask("stats json")[1])["pid"] != one.pid:
                yield "it is another process's"


def what_is_no_socket_is_left_alone(folder):
    path = folder + "/file.sock"
    with open(path, "w", encoding="ascii") as file:
        file.write("mine")
    with Target(folder, conf="control:" + path) as one:
        wait_for(one.errors, "a complaint")
        one.end()
    with open(path, encoding="ascii") as file:
        if file.read() != "mine":
            yield "it was overwritten"


def a_path_that_cannot_be_had_is_said_once(folder):
    for path in ("relative.sock", folder + "/no/x.sock", folder + "/" + "x" * 200):
        with Target(folder, conf="control:" + path) as one:
            wait_for(one.errors, "a complaint about " + path)
            one.do("burst()")
            if one.errors().count("\n") != 1 or not one.errors().startswith("trimalloc: control: "):
                yield one.errors()
            if one.end() != 0:
                yield "it ended badly"


def a_long_folder_is_no_hindrance(folder):
    deep = folder + "/" + "d" * 150
    os.mkdir(deep)
    with Target(folder, conf="control:%s/x.sock" % deep) as one:
        wait_for(lambda: os.path.exists(deep + "/x.sock"), "the socket")
        fd = os.open(deep, os.O_PATH)
        if not wait_for(lambda: answers("/proc/self/fd/%d/x.sock" % fd), "an answer"):
            yield "no answer"
        os.close(fd)
        if one.end() != 0 or one.errors():
            yield one.errors()
    if os.listdir(deep):
        yield "it is still there"


def the_child_of_a_fork_has_its_own(folder):
    with served(folder) as one:
        child = forked(one, "start_thread()")
        path = "%s/%d.sock" % (folder, child)
        try:
            wait_for(lambda: os.path.exists(path) and answers(path), "the child's socket")
            with Peer(path) as mine, Peer(one.path) as parents:
                if json.loads(mine.ask("stats json")[1])["pid"] != child:
                    yield "the child's is another's"
                if json.loads(parents.ask("stats json")[1])["pid"] != one.pid:
                    yield "the parent's is another's"
        finally:
            os.kill(child, 15)
        if one.end() != 0 or one.errors():
            yield one.errors()


def the_child_of_a_fork_leaves_its_parent_s_fixed_path_alone(folder):
    path = folder + "/fixed.sock"
    with Target(folder, conf="control:" + path) as one:
        wait_for(lambda: answers(path), "the socket")
        one.do("pid = os.fork() or (start_thread(), burst(), time.sleep(0.3), sys.exit(0))")
        one.do("assert os.waitpid(pid, 0)[1] == 0")
        if not answers(path) or one.errors():
            yield "the parent is not answered any more: " + one.errors()


ELSEWHERE = """
import ctypes, os, sys, threading, time
stop = threading.Event()
threading.Thread(target=stop.wait).start()
while not os.path.exists("1.sock"):
    time.sleep(0.01)
ctypes.CDLL(None).unshare(0x20000000)
child = os.fork()
if child == 0:
    print("child", os.getpid(), flush=True)
    ctypes.CDLL(None).exit(0)
os.waitpid(child, 0)
print("there" if os.path.exists("1.sock") else "gone", flush=True)
os._exit(0)
"""


def a_child_of_the_same_number_leaves_its_parent_s_alone(folder):
    """The first process of a container has a child that is the first of another one."""
    words = ["unshare", "--pid", "--fork"]
    if subprocess.run(words + ["true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Skipped("no pid namespace can be made here")
    said = subprocess.run(words + [sys.executable, "-c", ELSEWHERE], cwd=folder, timeout=30, check=True,
                          env=dict(os.environ, LD_PRELOAD=target.LIBRARY,
                                   TRIMALLOC_CONF="control:%s/%%p.sock" % folder),
                          stdout=subprocess.PIPE, text=True)
    if said.stdout.split() != ["child", "1", "there"]:
        yield said.stdout


def after_exec_the_file_of_the_program_before_is_gone(folder):
    with served(folder) as one:
        one.send("os.execv('/bin/sleep', ['sleep', '60'])")
        wait_for(lambda: not os.path.exists(one.path), "the file goes")
    return []


def after_exec_the_next_program_has_its_own(folder):
    with served(folder) as one:
        one.send("os.execv(sys.executable, [sys.executable, '-c', "
                 "'import threading; threading.Thread(target=threading.Event().wait).start()'])")
        wait_for(lambda: "sys.stdin" not in read("/proc/%d/cmdline" % one.pid), "the next program")
        wait_for(lambda: answers(one.path), "the next one's socket")
        if one.errors():
            yield one.errors()


def a_process_of_one_thread_gets_one_too(folder):
    with Target(folder, code="", conf=CONF % folder) as one:
        one.do("burst(2000)")
        wait_for(lambda: answers("%s/%d.sock" % (folder, one.pid)), "the socket")
        if one.end() != 0:
            yield one.errors()


def with_the_socket_an_idle_process_has_no_wakeups(folder):
    def wakeups():
        total = 0
        for tid in os.listdir("/proc/%d/task" % one.pid):
            with open("/proc/%d/task/%s/status" % (one.pid, tid), encoding="ascii", errors="replace") as file:
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.MULTILINE).group(1))
        return total
    with served(folder) as one:
        one.do("burst()")
        # Until nothing stirred for two seconds.
        end = time.monotonic() + 30
        while True:
            before = wakeups()
            time.sleep(2)
            if wakeups() == before or time.monotonic() > end:
                break
        before = wakeups()
        time.sleep(5)
        if wakeups() != before:
            yield "%d wake-ups" % (wakeups() - before)


if __name__ == "__main__":
    target.run([
        each_request_is_answered,
        a_dump_that_cannot_be_written_says_why,
        values_can_be_read_and_written,
        requests_may_follow_each_other_at_once,
        what_is_sent_before_the_end_is_answered,
        a_line_of_4096_bytes_is_one_and_of_4097_is_none,
        only_its_user_may_open_it,
        whatever_the_umask_the_mode_is_0600,
        another_user_is_refused,
        a_process_that_changed_its_user_answers_the_new_one_and_root,
        its_descriptors_are_not_the_program_s,
        without_the_option_there_is_none,
        it_goes_when_the_program_exits,
        what_was_killed_is_replaced,
        what_lives_is_left_alone,
        what_is_no_socket_is_left_alone,
        a_path_that_cannot_be_had_is_said_once,
        a_long_folder_is_no_hindrance,
        the_child_of_a_fork_has_its_own,
        the_child_of_a_fork_leaves_its_parent_s_fixed_path_alone,
        a_child_of_the_same_number_leaves_its_parent_s_alone,
        after_exec_the_file_of_the_program_before_is_gone,
        after_exec_the_next_program_has_its_own,
        a_process_of_one_thread_gets_one_too,
        with_the_socket_an_idle_process_has_no_wakeups,
    ])
