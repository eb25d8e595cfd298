"""targets.py -- what bounded.py and long.py know of the fuzz targets."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.environ.get("top_builddir", "."), "tests", "fuzz")

# What a bounded run tries, beside the corpus: about three seconds each.
RUNS = {
    "options": 10000,
    "text": 20000,
    "files": 10000,
    "tool_process": 20000,
    "tool_report": 1000,
    "ctl": 2000,
    "control": 2000,
    "sequences": 300,
    "interface": 300,
}

# Those that share another one's corpus.
SHARED = {"interface": "sequences", "planted": "sequences"}

# On the built library, in the place of malloc; with a trim thread nothing that
# happens would depend on the input alone.
PRELOADED = {"interface": {"LD_PRELOAD": os.environ.get("TRI_LIB", ""),
                           "TRIMALLOC_CONF": "trim_thread:false"}}

# What planted.c puts into `sequences`.
PLANTED = ["contents", "books"]

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


def source_of(target):
    """The target whose corpus and dictionary it has."""
    return SHARED.get(target, target)


def corpus(target):
    return os.path.join(HERE, "corpus", source_of(target))


def dictionary(target):
    path = os.path.join(HERE, "dict", source_of(target) + ".dict")
    return ["-dict=" + path] if os.path.exists(path) else []


def environment(target, more=None):
    return dict(os.environ, LC_ALL="C.UTF-8", **SANITIZER_OPTIONS,
                **PRELOADED.get(target, {}), **(more or {}))


def command(target, found, more):
    """Runs a target; what is new goes to the folder `found`, as what breaks."""
    os.makedirs(found, exist_ok=True)
    return ([program(target), "-artifact_prefix=" + os.path.join(found, ""),
             "-timeout=%d" % ONE_INPUT_SECONDS] + dictionary(target) + more)


def replay(target):
    """What a person types, with the input behind it, to see it break again."""
    return " ".join(["%s=%s" % pair for pair in PRELOADED.get(target, {}).items()]
                    + [program(target)])


def crashes(found):
    return sorted(os.path.join(found, name) for name in os.listdir(found)
                  if name.startswith(("crash", "leak", "timeout", "oom")))


def run(target, found, more, log, variables=None):
    """The exit status; what is said goes to the log."""
    with open(log, "wb") as out:
        return subprocess.run(command(target, found, more), stdout=out, stderr=out,
                              env=environment(target, variables), cwd=found,
                              check=False, stdin=subprocess.DEVNULL).returncode
