"""Fetches and compiles the workloads: Maven for Java, cc for three small libraries."""

import glob
import os
import shlex
import shutil
import subprocess
import sys

from rss import packages
from rss.jvm import program

HERE = os.path.dirname(os.path.abspath(__file__))
MAVEN = {"mvn": "maven"}
NATIVE = {
    "bill": os.path.join(HERE, "native", "bill.c"),
    "ledger": os.path.join(HERE, "native", "ledger.c"),
    "tails": os.path.join(os.path.dirname(program.__file__), "tails.c"),
}


class CannotBuild(Exception):
    """What is missing, or what a compiler said."""


def install_programs(wanted):
    """Of {program: Debian's package} those that are missing. What cannot be
    installed fails where it is used."""
    missing = [package for program_name, package in wanted.items()
               if not shutil.which(program_name)]
    if missing:
        print(f"installing {', '.join(missing)}", file=sys.stderr, flush=True)
    for command in packages.installers(missing, os.geteuid() == 0, shutil.which):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


def sources():
    java = glob.glob(os.path.join(HERE, "src", "*.java"))
    shared = glob.glob(os.path.join(os.path.dirname(program.__file__), "*.java"))
    return [os.path.join(HERE, "pom.xml"), *java, *shared, *NATIVE.values()]


def is_built(stamp):
    """Nothing is newer than the last build that came to its end."""
    return os.path.exists(stamp) and all(
        os.path.getmtime(path) < os.path.getmtime(stamp) for path in sources())


def run_maven(folder, jdk):
    if not shutil.which("mvn"):
        raise CannotBuild(f"mvn is missing (Debian: {MAVEN['mvn']})")
    command = ["mvn", "-q", "-B", "-f", os.path.join(HERE, "pom.xml"),
               f"-Dbuild.folder={folder}", "process-classes"]
    environment = {key: value for key, value in os.environ.items()
                   if not program.STRANGE.match(key)}
    done = subprocess.run(command, env={**environment, "JAVA_HOME": jdk.home}, text=True,
                          check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise CannotBuild(f"{' '.join(command)}:\n{done.stdout}")


def compile_native(folder, jdk):
    include = os.path.join(jdk.home, "include")
    for name, source in NATIVE.items():
        program.run([*shlex.split(os.environ.get("CC", "cc")), "-std=gnu11", "-O2",
                     "-fno-builtin", "-shared", "-fPIC", "-I" + os.path.dirname(HERE),
                     "-I" + include, "-I" + os.path.join(include, "linux"),
                     "-o", os.path.join(folder, f"lib{name}.so"), source, "-lm"])


def build(folder, jdk):
    """Leaves classes, libraries and jars in the folder; the oldest JDK builds for
    all of them."""
    stamp = os.path.join(folder, "built")
    if is_built(stamp):
        return
    print("building the workloads", file=sys.stderr, flush=True)
    for stale in ("classes", "lib"):
        shutil.rmtree(os.path.join(folder, stale), ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    run_maven(folder, jdk)
    try:
        compile_native(folder, jdk)
    except program.CannotBuild as error:
        raise CannotBuild(str(error)) from error
    with open(stamp, "w", encoding="ascii"):
        pass


def classpath(folder):
    return os.pathsep.join([os.path.join(folder, "classes"), os.path.join(folder, "lib", "*")])
