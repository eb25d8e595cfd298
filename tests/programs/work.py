"""work.py -- what Python programs do all day; argument: how many rounds.

Prints a digest of all results, which does not depend on where memory lies.
"""

import collections
import decimal
import hashlib
import itertools
import json
import pickle
import random
import re
import sys
import threading
import zlib

ROUNDS = int(sys.argv[1])
digest = hashlib.sha256()


def note(value):
    digest.update(repr(value).encode())


def documents(chance, count):
    return [{"id": i, "name": "n%d" % chance.randrange(1000), "tags": [str(chance.random()) for _ in range(6)],
             "text": " ".join(chance.choice(WORDS) for _ in range(30))} for i in range(count)]


WORDS = ["w%d" % i * (i % 7 + 1) for i in range(300)]


def texts(chance):
    """json, re, str, collections"""
    found = json.loads(json.dumps(documents(chance, 400)))
    counts = collections.Counter(itertools.chain.from_iterable(
        re.findall(r"\bw\d+5\w*", one["text"]) for one in found))
    note(sorted(counts.items())[:50])
    note(re.sub(r"(\w)(\d)", r"\2\1", "".join(one["text"] for one in found))[-500:])


def numbers(chance):
    """ints of many digits, decimals"""
    note(pow(chance.getrandbits(2000), 65537, (1 << 1999) + 9))
    with decimal.localcontext() as context:
        context.prec = 400
        note(sum((decimal.Decimal(i).sqrt() for i in range(1, 80)), decimal.Decimal(0)))
    note(str(7 ** 5000)[:50])


def buffers(chance):
    """bytes and bytearrays that grow, zlib, pickle"""
    grown = bytearray()
    for _ in range(400):
        grown += chance.randbytes(chance.randrange(2000))
        if len(grown) > 200_000:
            del grown[:chance.randrange(100_000)]
    note(zlib.crc32(zlib.decompress(zlib.compress(bytes(grown)))))
    note(len(pickle.loads(pickle.dumps(documents(chance, 200)))))


def containers(chance):
    """dicts, sets, lists, sorting, cycles left to the collector"""
    table = {chance.randrange(100_000): [i] * (i % 20) for i in range(20_000)}
    for key in sorted(table)[::3]:
        del table[key]
    note(sum(map(len, table.values())))
    ring = [[] for _ in range(2000)]
    for left, right in zip(ring, ring[1:] + ring[:1]):
        left.append(right)
    note(len(set(chance.sample(range(10**9), 5000)) | set(range(0, 10**6, 100))))


def in_threads(rounds):
    """The same work in four threads; every thread has its own digest."""
    results = [None] * 4

    def work(number):
        mine = hashlib.sha256()
        chance = random.Random(number)
        for _ in range(rounds):
            mine.update(zlib.compress(json.dumps(documents(chance, 50)).encode()))
        results[number] = mine.hexdigest()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    note(results)


for number in range(ROUNDS):
    chance = random.Random(number)
    for work in (texts, numbers, buffers, containers):
        work(chance)
in_threads(ROUNDS * 3)
print(digest.hexdigest())
