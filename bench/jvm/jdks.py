"""The JDKs of a run, and how a JVM is pinned."""

import functools
import glob
import os
import re
import subprocess
from dataclasses import dataclass

from rss.jvm import program

FOLDER = "/usr/lib/jvm"
OLDEST = 17
# The most that matters: one that is widespread, and the newest.
WANTED = 2
PACKAGE = "openjdk-17-jdk-headless"


@dataclass(frozen=True)
class Jdk:
    home: str
    major: int
    version: str    # in full, with whose it is

    @property
    def name(self):
        return f"jdk{self.major}"

    @property
    def java(self):
        return os.path.join(self.home, "bin", "java")


def describe(release):
    """The full version by the text of a JDK's file `release`."""
    found = dict(re.findall(r'^(\w+)="([^"]*)"', release, re.MULTILINE))
    words = (found.get("IMPLEMENTOR"), found.get("JAVA_RUNTIME_VERSION")
             or found.get("JAVA_VERSION"))
    return " ".join(word for word in words if word)


def look_at(home):
    home = os.path.realpath(home)
    major = program.version(home)
    if major < OLDEST:
        return None
    with open(os.path.join(home, "release"), encoding="utf-8") as file:
        return Jdk(home, major, describe(file.read()))


def choose(found):
    """The oldest and the newest of those that will do."""
    by_major = {}
    for jdk in sorted(found, key=lambda jdk: jdk.home):
        by_major.setdefault(jdk.major, jdk)
    majors = sorted(by_major)
    return [by_major[major] for major in majors[:WANTED - 1] + majors[WANTED - 1:][-1:]]


def find(homes=()):
    """The JDKs in these folders, else those that the system has."""
    seen = [look_at(home) for home in homes or sorted(glob.glob(os.path.join(FOLDER, "*")))]
    found = [jdk for jdk in seen if jdk]
    return found if homes else choose(set(found))


@functools.lru_cache(maxsize=None)
def knows(jdk, jvm_options):
    """Whether this JVM has such options: minor releases brought some."""
    done = subprocess.run([jdk.java, *jvm_options, "-version"], check=False, env={},
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def options(major, heap_mb):
    """Fixed and touched from the start: then what resident memory grows by is not
    the heap's. Threads of the JVM's own do not depend on the machine."""
    chosen = [
        f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", "-XX:+AlwaysPreTouch",
        "-XX:+UseG1GC", "-XX:ParallelGCThreads=2", "-XX:ConcGCThreads=1",
        "-XX:CICompilerCount=2", "-XX:-UsePerfData", "-XX:MaxDirectMemorySize=16g",
        "-Dio.netty.maxDirectMemory=17179869184", "-Dio.netty.tryReflectionSetAccessible=true",
    ]
    if major < 22:
        # Many threads inside zlib may keep these from collecting (JDK-8192647).
        chosen += ["-XX:+UnlockDiagnosticVMOptions", "-XX:GCLockerRetryAllocationCount=1000"]
    if major >= 23:
        chosen += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return chosen
