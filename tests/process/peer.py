"""peer.py -- connections to control sockets, for the tests beside it."""

import contextlib
import os
import re
import socket

from target import PATIENCE, THREAD, Target, wait_for

CONF = "control:%s/%%p.sock"


class Peer:
    """A connection, and answers as the protocol has them."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        # Where many wait already, it waits as well.
        self.socket.connect(path)
        self.socket.settimeout(PATIENCE)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """(head, body); the head is empty where the connection was closed."""
        head = self.file.readline().decode()
        found = re.fullmatch(r"ok (\d+)\n", head)
        return head, self.file.read(int(found.group(1))) if found else b""

    def ask(self, line):
        self.send(line.encode() + b"\n")
        return self.answer()

    def is_closed(self):
        """Waits for the end."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def served(folder, code=THREAD, more="", **others):
    """A target with a control socket, and the socket's path."""
    with Target(folder, code, conf=CONF % folder + more, **others) as one:
        one.path = "%s/%d.sock" % (folder, one.pid)
        wait_for(lambda: answers(one.path), "the socket")
        yield one


def answers(path):
    try:
        with Peer(path) as peer:
            return peer.ask("hello")[1].startswith(b"trimalloc ")
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def sockets(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".sock"))
