#!/usr/bin/env python3
"""peers.py -- what slow, greedy and many peers of the control socket cannot do."""

import contextlib
import time

import target
from dump import resident
from peer import Peer, answers, served
from target import wait_for

PEERS = 8


def a_ninth_connection_is_told_that_it_is_one_too_many(folder):
    with served(folder) as one, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(one.path)) for _ in range(PEERS)]
        for peer in peers:
            peer.ask("hello")
        with Peer(one.path) as ninth:
            head, _ = ninth.answer()
            if not head.startswith("error busy ") or not ninth.is_closed():
                yield head
        if not peers[0].ask("hello")[1]:
            yield "the first is not answered any more"
        peers[3].close()
        wait_for(lambda: answers(one.path), "a free place")


def a_hundred_connections_do_not_hurt(folder):
    with served(folder) as one:
        before = resident(one.pid)
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                peers = [stack.enter_context(Peer(one.path)) for _ in range(100)]
                for peer in peers:
                    with contextlib.suppress(BrokenPipeError):
                        peer.send(b"stats json\n")
                told = [peer.answer()[0][:5] for peer in peers]
                if told.count("ok " + told[0][3:5]) < 1 or len(told) != 100:
                    yield str(told)
        wait_for(lambda: answers(one.path), "an answer")
        wait_for(lambda: resident(one.pid) < before + (4 << 20), "the memory is back")


def who_does_nothing_for_five_seconds_is_closed(folder):
    with served(folder) as one:
        with Peer(one.path) as silent, Peer(one.path) as half:
            begin = time.monotonic()
            half.send(b"hel")
            if not silent.is_closed() or not half.is_closed():
                yield "they are open"
            if not 4 < time.monotonic() - begin < 12:
                yield "after %.1f s" % (time.monotonic() - begin)


def a_byte_now_and_then_does_not_hold_a_connection(folder):
    with served(folder) as one, Peer(one.path) as drop:
        begin = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - begin < 15:
                drop.send(b"x")
                time.sleep(0.2)
        if time.monotonic() - begin > 12:
            yield "it held for %.1f s" % (time.monotonic() - begin)


def who_does_not_take_his_answers_is_closed(folder):
    with served(folder) as one, Peer(one.path) as greedy:
        begin = time.monotonic()
        greedy.socket.setblocking(False)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - begin < 20:
                with contextlib.suppress(BlockingIOError):
                    greedy.send(b"stats json\n" * 100)
                time.sleep(0.05)
        if time.monotonic() - begin > 15:
            yield "it held for %.1f s" % (time.monotonic() - begin)


def memory_goes_back_while_peers_hold_all_connections(folder):
    with served(folder) as one, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(one.path)) for _ in range(PEERS)]
        for peer in peers:
            peer.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                peer.send(b"stats json\n" * 10000)
        before = resident(one.pid)
        one.do("burst(30000)")
        wait_for(lambda: resident(one.pid) < before + (8 << 20), "the memory is back")
    return []


def who_goes_in_the_middle_of_an_answer_is_forgotten(folder):
    with served(folder) as one:
        for i in range(200):
            peer = Peer(one.path)
            with contextlib.suppress(BrokenPipeError):
                peer.send(b"stats json\n" * (i % 5) + b"hel")
            if i % 2:
                peer.socket.recv(10)
            peer.close()
        wait_for(lambda: answers(one.path), "an answer")
        if one.end() != 0 or one.errors():
            yield one.errors()


if __name__ == "__main__":
    target.run([
        a_ninth_connection_is_told_that_it_is_one_too_many,
        a_hundred_connections_do_not_hurt,
        who_does_nothing_for_five_seconds_is_closed,
        a_byte_now_and_then_does_not_hold_a_connection,
        who_does_not_take_his_answers_is_closed,
        memory_goes_back_while_peers_hold_all_connections,
        who_goes_in_the_middle_of_an_answer_is_forgotten,
    ])
