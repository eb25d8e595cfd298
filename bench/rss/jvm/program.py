"""The program whose native memory is watched: where the JDK is, how the classes
and the native library are built, and how the JVM is started.

The JVM is pinned so that resident memory, beyond what it was when the threads
stood ready, is native memory that the load asked for:

- the Java heap has a fixed size and is touched before the program begins;
- the serial collector, which needs no memory beside the heap that grows with
  the load and no threads that would take part in it;
- one compiler thread and the first compiler only: its memory comes and goes
  with the warm-up, and the throughput does not depend on what the second one
  made of it.
"""

import functools
import glob
import os
import re
import shlex
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST = 17
# What would change the JVM or the compilers behind the benchmark's back.
STRANGE = re.compile(r"^(LD_PRELOAD|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS)$")
OPTIONS = (
    "-Xms96m", "-Xmx96m", "-Xmn32m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1", "-XX:CICompilerCount=1", "-XX:-UsePerfData",
    # Direct buffers are bounded by the load; the JVM must not collect for them.
    "-XX:MaxDirectMemorySize=64g",
)


class CannotBuild(Exception):
    """What the compiler said."""


def version(home):
    """A JDK's version by its file `release`; 0 where it is none to build with."""
    needed = ("bin/javac", "bin/java", "include/jni.h", "release")
    if not all(os.path.exists(os.path.join(home, name)) for name in needed):
        return 0
    with open(os.path.join(home, "release"), encoding="utf-8") as file:
        return parse_version(file.read())


def parse_version(release):
    found = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return int(found.group(1)) if found else 0


@functools.lru_cache(maxsize=None)
def find_jdk():
    """(folder, version): JAVA_HOME, else that of javac, else the oldest that
    will do. (None, 0) where there is none."""
    javac = shutil.which("javac")
    first = [os.environ.get("JAVA_HOME", ""),
             os.path.dirname(os.path.dirname(os.path.realpath(javac))) if javac else ""]
    others = sorted({os.path.realpath(home) for home in glob.glob("/usr/lib/jvm/*")},
                    key=version)
    for home in first + others:
        if home and version(home) >= OLDEST:
            return home, version(home)
    return None, 0


def why_not(_context=None):
    """Why no JVM can be watched here, or None."""
    if find_jdk()[0] is None:
        return f"no JDK from {OLDEST} on was found (Debian: openjdk-17-jdk-headless)"
    return None


def run(command):
    """Runs a compiler without what benchmarks preload."""
    clean = {key: value for key, value in os.environ.items() if not STRANGE.match(key)}
    done = subprocess.run(command, env=clean, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"{' '.join(command)}:\n{done.stdout}")


@functools.lru_cache(maxsize=None)
def build(folder):
    """Compiles the classes and the native library into the folder, once a run."""
    home, _ = find_jdk()
    os.makedirs(folder, exist_ok=True)
    run([os.path.join(home, "bin", "javac"), "-XDignore.symbol.file", "-d", folder,
         *sorted(glob.glob(os.path.join(HERE, "*.java")))])
    include = os.path.join(home, "include")
    run([*shlex.split(os.environ.get("CC", "cc")), "-std=gnu11", "-O2", "-fno-builtin", "-shared",
         "-fPIC", "-I" + os.path.join(HERE, "..", ".."), "-I" + include,
         "-I" + os.path.join(include, "linux"), "-o", os.path.join(folder, "libtails.so"),
         os.path.join(HERE, "tails.c"), "-lm"])


def options(jdk_version):
    chosen = list(OPTIONS)
    if jdk_version < 22:
        # Many threads inside zlib may keep these from collecting (JDK-8192647).
        chosen += ["-XX:+UnlockDiagnosticVMOptions", "-XX:GCLockerRetryAllocationCount=1000"]
    if jdk_version >= 23:
        chosen += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return chosen


def command(load, threads, ops, quick_ops):
    """A row's command: a load of so many operations in all."""
    def of_context(context):
        folder = os.path.join(context.build, "bench", "rss", "jvm")
        build(folder)
        home, jdk_version = find_jdk()
        return [os.path.join(home, "bin", "java"), *options(jdk_version),
                "-Djava.library.path=" + folder, "-cp", folder, "JvmLoad", load, str(threads),
                str(quick_ops if context.is_quick else ops)]
    return of_context
