"""jvm.py -- JVMs under the library, for the tests beside it.

TRI_LIB is the library (set by `make check`), TRI_JDKS the JDKs to test, a list
of folders with `:` between; without it, every JDK from 17 on that is found.
"""

import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "rules"))

import tap  # noqa: E402  (found by the line above)

OLDEST = 17
LIMIT_SECONDS = 240
LIBRARY = os.environ.get("TRI_LIB") and os.path.realpath(os.environ["TRI_LIB"])


def clean_environment():
    """What a JVM gets: no preload and no options from outside."""
    strange = ("LD_PRELOAD", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS",
               "TRIMALLOC_CONF", "MALLOC_CONF")
    return {key: value for key, value in os.environ.items() if key not in strange}


class Jdk:
    """A JDK's folder and version."""

    def __init__(self, home):
        self.home = home
        said = subprocess.run([self.tool("javac"), "-version"], text=True, env=clean_environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
        found = re.search(r"javac (\d+)", said)
        self.version = int(found.group(1)) if found else 0

    def tool(self, name):
        return os.path.join(self.home, "bin", name)

    def __str__(self):
        return "JDK %d" % self.version


def find_jdks():
    """The JDKs to test, oldest first, each folder once."""
    if "TRI_JDKS" in os.environ:
        homes = os.environ["TRI_JDKS"].split(":")
    else:
        homes = glob.glob("/usr/lib/jvm/*") + [os.environ.get("JAVA_HOME", "")]
        javac = shutil.which("javac")
        if javac:
            homes.append(os.path.dirname(os.path.dirname(os.path.realpath(javac))))
    homes = {os.path.realpath(home) for home in homes
             if home and os.access(os.path.join(home, "bin", "javac"), os.X_OK)}
    jdks = [Jdk(home) for home in sorted(homes)]
    return sorted((jdk for jdk in jdks if jdk.version >= OLDEST), key=lambda jdk: jdk.version)


def build(command):
    """Runs a compiler, whose words matter only when it fails."""
    done = subprocess.run(command, text=True, env=clean_environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError("%s failed:\n%s" % (" ".join(command), done.stdout))


def complaints_of(status, said, folder):
    """What a run must not show: a bad end, a crash report, a word of the library."""
    if status != 0:
        yield "it ended with status %d; the end of what it said:" % status
        yield "\n".join(said.splitlines()[-15:])
    for name in sorted(glob.glob(os.path.join(folder, "hs_err*"))):
        with open(name, encoding="utf-8", errors="replace") as file:
            yield "a crash report was written:\n" + "".join(file.readlines()[:30])
        os.remove(name)
    for line in said.splitlines():
        if line.startswith("trimalloc:"):
            yield "the library said: " + line


class Bench:
    """A folder with the compiled test program and its native library, for one JDK.

    preload is what JVMs run here are preloaded with, None for nothing; library
    the file that must be mapped into them.
    """

    def __init__(self, jdk, folder):
        self.jdk = jdk
        self.folder = folder
        self.preload = self.library = LIBRARY
        build([jdk.tool("javac"), "-XDignore.symbol.file", "-d", folder, os.path.join(HERE, "Load.java")])
        self.build_native()

    def build_native(self, more=()):
        """Builds the program's native library, with further arguments for the compiler."""
        include = os.path.join(self.jdk.home, "include")
        build(shlex.split(os.environ.get("CC", "cc")) + [
            "-O1", "-g", "-fno-builtin-malloc", "-shared", "-fPIC", "-I" + include,
            "-I" + os.path.join(include, "linux"), "-o", os.path.join(self.folder, "libcross.so"),
            os.path.join(HERE, "cross.c")] + list(more or ["-DCROSS_TRI=0"]))

    def environment(self, conf):
        env = clean_environment()
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        if conf:
            env["TRIMALLOC_CONF"] = conf
        return env

    def run(self, command, conf=None):
        """Runs a command of this JDK under the library: (complaints, output, errors)."""
        try:
            done = subprocess.run(command, env=self.environment(conf), cwd=self.folder, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=LIMIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return ["it did not end within %d s" % LIMIT_SECONDS], "", ""
        said = done.stdout + done.stderr
        return list(complaints_of(done.returncode, said, self.folder)), done.stdout, done.stderr

    def load_command(self, options, loads):
        command = [self.jdk.tool("java"), "-Xmx128m", "-XX:ErrorFile=" + self.folder + "/hs_err_%p.log",
                   "-Djava.library.path=" + self.folder]
        if self.jdk.version < 22:
            # Many threads inside zlib may keep these from collecting (JDK-8192647).
            command += ["-XX:+UnlockDiagnosticVMOptions", "-XX:GCLockerRetryAllocationCount=1000"]
        if self.jdk.version >= 23:
            command += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
        return command + list(options) + ["-cp", self.folder, "Load"] + list(loads) + [self.library]

    def run_loads(self, options, loads, conf=None):
        """Runs loads of Load.java; what is wrong with the run."""
        complaints, output, _ = self.run(self.load_command(options, loads), conf)
        lines = output.splitlines()
        for load in loads:
            if "passed " + load not in lines:
                complaints.append("the load %s was not passed" % load)
        if "library " + self.library not in lines:
            complaints.append("%s was not mapped" % self.library)
        return complaints


def has_headers(jdk):
    return os.path.exists(os.path.join(jdk.home, "include", "jni.h"))


def each_bench(report, name):
    """A bench for each JDK; a skipped sentence where there is none."""
    jdks = [jdk for jdk in find_jdks() if has_headers(jdk)]
    if not LIBRARY or not os.path.exists(LIBRARY):
        report.sentence("the library to test exists", ["TRI_LIB is '%s'" % os.environ.get("TRI_LIB", "")])
        return
    if not jdks:
        report.skip(name, "no JDK from %d on was found (Debian: default-jdk-headless)" % OLDEST)
    for jdk in jdks:
        with tempfile.TemporaryDirectory(prefix="trimalloc-java-") as folder:
            yield Bench(jdk, os.path.realpath(folder))
