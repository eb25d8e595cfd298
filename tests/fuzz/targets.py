"""targets.py -- what bounded.py and long.py know of the fuzz targets."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.environ.get("top_builddir", "."), "tests", "fuzz")

# What a bounded run tries, beside the corpus: about three seconds each.
RUNS = {
    "options": 20000,
    "text": 60000,
}

# Those that are found to be broken, with the target that they were made of.
PLANTED = {}

# A run of an input that takes longer hangs.
ONE_INPUT_SECONDS = 60

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:handle_abort=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:abort_on_error=1",
}


def has_libfuzzer(program):
    """libFuzzer's own flags are in it; replay.c has but what it needs."""
    with open(program, "rb") as f:
        return b"max_total_time" in f.read()


def program(target):
    return os.path.join(BUILT, target)


def built(names):
    """Those that this configuration has."""
    return [n for n in names if os.path.exists(program(n))]


def corpus(target):
    return os.path.join(HERE, "corpus", PLANTED.get(target, target))


def dictionary(target):
    path = os.path.join(HERE, "dict", PLANTED.get(target, target) + ".dict")
    return ["-dict=" + path] if os.path.exists(path) else []


def environment(target):
    return dict(os.environ, LC_ALL="C.UTF-8", **SANITIZER_OPTIONS)


def command(target, found, more):
    """Runs a target; what is new goes to the folder `found`, as what breaks."""
    os.makedirs(found, exist_ok=True)
    return ([program(target), "-artifact_prefix=" + os.path.join(found, ""),
             "-timeout=%d" % ONE_INPUT_SECONDS] + dictionary(target) + more)


def replay(target):
    """What a person types, with the input behind it, to see it break again."""
    return " ".join(["%s=%s" % (k, environment(target)[k])
                     for k in ("LD_PRELOAD",) if k in environment(target)]
                    + [program(target)])


def crashes(found):
    return sorted(os.path.join(found, name) for name in os.listdir(found)
                  if name.startswith(("crash", "leak", "timeout", "oom")))


def run(target, found, more, log, timeout=None):
    """The exit status; what is said goes to the log."""
    with open(log, "wb") as out:
        return subprocess.run(command(target, found, more), stdout=out, stderr=out,
                              env=environment(target), cwd=found, check=False,
                              timeout=timeout, stdin=subprocess.DEVNULL).returncode
