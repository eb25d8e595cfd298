#!/usr/bin/env python3
"""fake.py -- a process that looks as if trimalloc were in it, and answers its
control socket as the library would.

    fake.py [--socket PATH] [--library FILE] [--mode MODE] [--allocated N]

FILE is mapped, so that its name stands in /proc/PID/maps. PATH has no %p; the
caller puts the option into TRIMALLOC_CONF. Prints "ready" when it listens. The
modes other than "good":

    silent     takes connections and never answers
    slow       answers byte by byte
    endless    promises more bytes than it sends, and hangs up
    huge       promises a gigabyte
    nonsense   answers something else
    broken     sends a report that is no JSON
    dies       ends when it is asked
    busy       has no room for connections
    nothing    listens on nothing
"""

import argparse
import ctypes
import json
import mmap
import os
import signal
import socket
import sys
import threading
import time

KIB, MIB = 1 << 10, 1 << 20
NAMES = {"trimalloc.decay_ms": ["ssize", "rw", "1000"],
         "opt.narenas": ["unsigned", "ro", "2"],
         "trimalloc.trim": ["void", "rw", ""],
         "version": ["string", "ro", "0.1.0"]}


def purges(n):
    return {"purges": n, "pages": 8 * n, "refused": 0, "us": 1500 * n}


def report(looks, allocated):
    """A report as the library's JSON has it; what is counted grows by each look."""
    return {
        "version": "0.1.0", "format": 1, "pid": os.getpid(),
        "uptime_ms": 12345 + looks, "time_ms": 1700000000000 + looks,
        "bytes": {"allocated": allocated + looks * KIB, "cached": 3 * MIB, "quarantined": 0, "shelved": 0,
                  "slab_free": 2 * MIB, "slab_away": 64 * KIB, "active": 56 * MIB,
                  "dirty": 5 * MIB, "mapped": 128 * MIB, "metadata": 1 * MIB,
                  "large": 20 * MIB, "resident": 60 * MIB, "huge": 0, "untouched": 1 * MIB,
                  "unaccounted": -4096, "metadata_resident": 900 * KIB},
        "counts": {"threads": 3, "arenas": 2, "large_blocks": 7, "cached_blocks": 900,
                   "quarantined_blocks": 0, "slab_free_blocks": 800, "refaults": 100 + looks, "lock_waits": 4,
                   "free_chunks": 1, "minor_faults": 5000, "major_faults": 3},
        "reclaim": {"has_thread": True, "cpu_us": 2500, "ticks": 40 + looks, "trims": 1,
                    "drains": 12, "drain_us": 800, "window_ticks": 10,
                    "runs": dict(purges(30), decommitted=2), "slabs": purges(5)},
        "pressure": {"level": "high", "events": 2, "stalls": 1, "given": 3 * MIB,
                     "last_given": MIB, "usage": 400 * MIB, "limit": 512 * MIB, "total_ms": 1500},
        "guarded": {"slots": 64, "live": 5, "freed": 7, "bytes": 9 * KIB, "sampled": 12,
                    "full": 1, "refused": 0, "errors": 0},
        "options": {"narenas": 2, "decay_ms": 1000, "thp": "default"},
        "arenas": [{"index": i, "threads": 2 - i, "allocated": 20 * MIB, "cached": MIB,
                    "slab_free": MIB, "slab_away": 0, "clean": 0, "active": (30 - i) * MIB, "dirty": 2 * MIB,
                    "mapped": 64 * MIB, "shelved": 0, "large_blocks": 3 + i,
                    "large_bytes": 10 * MIB, "refaults": 50, "lock_waits": 2,
                    "runs": purges(15)} for i in range(2)],
        "classes": [{"size": size, "slabs": 2, "slots": 4096 // size * 32, "live": 50,
                     "cached": 10, "free": 5, "slack": 64, "away_pages": 1, "fills": 9, "flushes": 8,
                     "filled": 90, "flushed": 80, "lock_waits": 0} for size in (16, 32, 48, 64)],
        "large": [{"up_to": MIB, "blocks": 7, "bytes": 20 * MIB}],
        "threads": [{"tid": os.getpid() + i, "name": name, "arena": i % 2, "cached": i * MIB,
                     "idle_ms": 250 * i, "fills": 3, "flushes": 2, "drains": 1,
                     "parked": i == 2} for i, name in enumerate(["main", "pool-1", 'odd "name\\'])],
    }


class Fake:
    def __init__(self, arguments):
        self.mode = arguments.mode
        self.allocated = arguments.allocated
        self.looks = 0
        self.values = {name: row[2] for name, row in NAMES.items()}

    def stats(self, form):
        self.looks += 1
        if form == "json":
            text = json.dumps(report(self.looks, self.allocated))
            return "{" if self.mode == "broken" else text
        return {"text": "allocated  %d bytes\n" % self.allocated,
                "xml": '<malloc version="1"/>\n', "jemalloc": "jemalloc\n"}.get(form)

    def answer(self, line):
        """The answer's bytes, or a pair of an error's word and sentence."""
        verb, _, rest = line.partition(" ")
        name, _, value = rest.partition("=")
        if verb in ("get", "set", "call") and name not in NAMES:
            return "noent", "there is no name '%s'" % name
        if verb == "set" and NAMES[name][1] == "ro":
            return "perm", "'%s' can only be read" % name
        if verb == "set":
            if not value.lstrip("-").isdigit():
                return "inval", "'%s' takes a number" % name
            self.values[name] = value
        return {"hello": "trimalloc 0.1.0 format 1\n",
                "stats": self.stats(rest), "trim": "bytes %d\n" % (3 * MIB),
                "get": self.values.get(name, "") + "\n", "set": "", "call": "",
                "list": "".join("%s %s %s\n" % (n, r[0], r[1]) for n, r in NAMES.items()),
                "options": "narenas=2\ndecay_ms=1000\n",
                "dump": "/tmp/report.%d\n" % os.getpid()}.get(verb) \
            or ("" if verb in ("set", "call") else ("inval", "this is no request"))

    def send(self, peer, line):
        if self.mode == "dies":
            os._exit(0)
        if self.mode == "silent":
            time.sleep(600)
        if self.mode == "nonsense":
            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return
        if self.mode == "huge":
            peer.sendall(b"ok 1073741824\n")
            return
        if self.mode == "steers":
            text = b"\033[2J\0\033[31m\xc2\x9b31m\x07\n"
            peer.sendall(b"error \033[31m " + text if line == "trim"
                         else b"ok %d\n" % len(text) + text)
            return
        said = self.answer(line)
        if isinstance(said, tuple):
            peer.sendall(("error %s %s\n" % said).encode())
            return
        bytes_ = ("ok %d\n%s" % (len(said.encode()), said)).encode()
        if self.mode == "endless":
            peer.sendall(bytes_[:-1])
            peer.close()
        elif self.mode == "slow":
            for i in range(len(bytes_)):
                peer.sendall(bytes_[i:i + 1])
        else:
            peer.sendall(bytes_)

    def serve(self, peer):
        buffer = b""
        if self.mode == "busy":
            peer.sendall(b"error busy 8 others are connected\n")
            peer.close()
            return
        try:
            while True:
                got = peer.recv(4096)
                if not got:
                    return
                buffer += got
                while b"\n" in buffer:
                    line, buffer = buffer.split(b"\n", 1)
                    self.send(peer, line.decode())
        except OSError:
            pass


def listen(path):
    """Binds a path of any length, by way of its folder."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(os.path.dirname(path))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(os.path.basename(path))
    server.listen(16)
    os.fchdir(here)
    os.close(here)
    return server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket")
    parser.add_argument("--library")
    parser.add_argument("--mode", default="good")
    parser.add_argument("--allocated", type=int, default=48 * MIB)
    parser.add_argument("--comm", default="fake")
    parser.add_argument("--signal", type=int)
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(15, arguments.comm.encode(), 0, 0, 0)
    if arguments.library:
        with open(arguments.library, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if arguments.signal:
        signal.signal(arguments.signal, lambda *_: os.write(1, b"signalled\n"))
    fake = Fake(arguments)
    server = listen(arguments.socket) if arguments.socket else None
    print("ready", flush=True)
    if server is None:
        while True:
            signal.pause()
    while True:
        peer, _ = server.accept()
        threading.Thread(target=fake.serve, args=(peer,), daemon=True).start()
    del mapped


if __name__ == "__main__":
    sys.exit(main())
