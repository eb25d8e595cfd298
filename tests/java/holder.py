"""holder.py -- a JVM that holds native memory, frees it when it is told to, and waits."""

import contextlib
import re
import subprocess
import time

import jvm

MB = 1 << 20


class Holder:
    """A running JVM; `load` is one of Load.java's that say "holding" and "freed"."""

    def __init__(self, bench, load, conf=None, options=()):
        self.bench = bench
        self.process = subprocess.Popen(
            bench.load_command(["-XX:+UseSerialGC"] + list(options), [load]), text=True, cwd=bench.folder,
            env=bench.environment(conf), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.wait_for("holding")

    def wait_for(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise RuntimeError("the JVM said '%s' instead of '%s'" % (line, word))

    def free(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.wait_for("freed")

    def jcmd(self, *command):
        """What jcmd says; its errors too."""
        return subprocess.run([self.bench.jdk.tool("jcmd"), str(self.process.pid)] + list(command),
                              text=True, env=jvm.clean_environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False).stdout

    def has(self, command):
        return command in self.jcmd("help")

    def resident(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii", errors="replace") as file:
            return int(re.search(r"^VmRSS:\s+(\d+)", file.read(), re.MULTILINE).group(1)) * 1024

    def falls_to(self, limit, patience):
        """Waits until so many bytes are resident at most; the seconds, or None."""
        begin = time.monotonic()
        while self.resident() > limit:
            if time.monotonic() - begin > patience:
                return None
            time.sleep(0.02)
        return time.monotonic() - begin

    def end(self):
        """Lets the JVM end; what is wrong with that."""
        output, errors = self.process.communicate("\n", timeout=60)
        complaints = list(jvm.complaints_of(self.process.returncode, output + errors, self.bench.folder))
        if "library " + jvm.LIBRARY not in output.splitlines():
            complaints.append("%s was not mapped" % jvm.LIBRARY)
        return complaints


@contextlib.contextmanager
def holder(bench, load, conf=None, options=()):
    """A Holder that does not outlive its block."""
    one = Holder(bench, load, conf, options)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
