#!/usr/bin/env python3
"""scripts.py -- scripts that look for jemalloc by its name find the library.

The scripts here do what Flink's entrypoint, Cassandra's starter and images for
Spark do: they look for a file in a given place, and preload it.
"""

import os
import shutil
import tempfile

import jemalloc
import tap

# A file at a given path, appended to what is preloaded already, unless forbidden.
FLINK = """
lib=$ROOT/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so
if [ "${DISABLE_JEMALLOC:-false}" = false ]; then
	if [ -f "$lib" ]; then
		export LD_PRELOAD="$LD_PRELOAD:$lib"
	else
		echo "WARNING: there is no $lib" >&2
	fi
fi
exec "$@"
"""

# The first file by that name in ldconfig's folders, unless one is named.
CASSANDRA = r"""
if [ -z "$LIBJEMALLOC" ]; then
	folders=$(/sbin/ldconfig -N -X -v -f "$ROOT/ld.so.conf" 2>/dev/null | sed -n 's/^\([^[:space:]:]*\):.*$/\1/p')
	LIBJEMALLOC=$(find $folders -regex '.*/libjemalloc\.so\(\.1\)*' -print 2>/dev/null | head -n 1)
fi
if [ "$LIBJEMALLOC" != - ] && [ -n "$LIBJEMALLOC" ]; then
	LD_PRELOAD=$LIBJEMALLOC
	export LD_PRELOAD
fi
exec "$@"
"""

# An environment that is written once and given to each executor.
SPARK = """
cat > "$ROOT/executor.env" <<END
LD_PRELOAD=$ROOT/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so.2
MALLOC_CONF=background_thread:true,dirty_decay_ms:10000,muzzy_decay_ms:10000
END
exec env $(cat "$ROOT/executor.env") "$@"
"""

# By the loader's own search: for a program that is linked to libjemalloc.so.2.
LINKED = """
LD_LIBRARY_PATH=$ROOT/usr/lib/$(uname -m)-linux-gnu exec "$@"
"""

NAMES = ("libjemalloc.so", "libjemalloc.so.1", "libjemalloc.so.2")


def install(alias, root):
    """What an image has: the three names in the folder of the machine's libraries."""
    folder = os.path.join(root, "usr", "lib", "%s-linux-gnu" % os.uname().machine)
    os.makedirs(folder)
    for name in NAMES:
        os.symlink(os.path.abspath(os.path.join(alias, name)), os.path.join(folder, name))
    with open(os.path.join(root, "ld.so.conf"), "w", encoding="utf-8") as conf:
        conf.write(folder + "\n")


def start(script, root, command, **env):
    """What a script starts says: by default its own mappings."""
    return jemalloc.run(["/bin/sh", "-c", script, "script"] + command, None, ROOT=root, **env)


def check_start(script, alias, command=("cat", "/proc/self/maps"), **env):
    """What is wrong with a start that shall be on what the alias names, and with one that finds nothing."""
    wanted = os.path.realpath(os.path.join(alias, "libjemalloc.so"))
    with tempfile.TemporaryDirectory(prefix="trimalloc-scripts-") as root:
        install(alias, root)
        status, output, errors = start(script, root, list(command), **env)
    if status != 0 or wanted not in output:
        yield "status %s, without %s; it said: %s" % (status, wanted, errors[-1000:])
    elif errors:
        yield "it complained: " + errors[-1000:]


def check_without(script, alias, **env):
    """The same, told not to."""
    with tempfile.TemporaryDirectory(prefix="trimalloc-scripts-") as root:
        install(alias, root)
        status, output, errors = start(script, root, ["cat", "/proc/self/maps"], **env)
    if status != 0 or "alloc" in output or errors:
        yield "status %s; it said: %s" % (status, errors[-1000:])


def linked_program():
    """A program that is linked to jemalloc, and shows its mappings by a child's look at it."""
    return shutil.which("redis-check-rdb")


def check_names(alias):
    """All names are there, and are one file."""
    files = {os.path.realpath(os.path.join(alias, name)) for name in NAMES}
    for name in NAMES:
        if not os.path.isfile(os.path.join(alias, name)):
            yield "there is no %s in %s" % (name, alias)
    if len(files) != 1:
        yield "they are different files: %s" % sorted(files)


def check_linked(alias):
    program = linked_program()
    with tempfile.TemporaryDirectory(prefix="trimalloc-scripts-") as root:
        install(alias, root)
        # The loader says which file it took for each name, and runs nothing.
        status, output, errors = start(LINKED, root, ["env", "LD_TRACE_LOADED_OBJECTS=1", program])
        found = [line for line in output.splitlines() if "libjemalloc.so.2" in line]
        if status != 0 or not any(root in line for line in found):
            yield "status %s; the loader took %s %s" % (status, found, errors)
        status, output, errors = start(LINKED, root, [program, "--version"])
        if status != 0 or "redis-check-rdb" not in output or errors:
            yield "status %s, it said: %s %s" % (status, output, errors[-1000:])


def one_alias(report, alias, who):
    report.sentence("a script that preloads a given path, as Flink's, finds " + who, check_start(FLINK, alias))
    report.sentence("a script that looks through ldconfig's folders, as Cassandra's, finds " + who,
                    check_start(CASSANDRA, alias))
    report.sentence("an environment for executors, as Spark's, with jemalloc's options, brings " + who,
                    check_start(SPARK, alias))
    report.sentence("such scripts leave %s out where they are told to" % who,
                    list(check_without(FLINK, alias, DISABLE_JEMALLOC="true")) +
                    list(check_without(CASSANDRA, alias, LIBJEMALLOC="-")))
    words = "a program that is linked to libjemalloc.so.2 runs on %s by a search path" % who
    if linked_program():
        report.sentence(words, check_linked(alias))
    else:
        report.skip(words, "there is no redis-check-rdb here")


def main():
    report = tap.Report()
    alias = jemalloc.alias()
    report.sentence("the library is there by jemalloc's three names", check_names(alias))
    one_alias(report, alias, "the library")
    if jemalloc.real():
        with tempfile.TemporaryDirectory(prefix="trimalloc-scripts-") as folder:
            for name in NAMES:
                os.symlink(jemalloc.real(), os.path.join(folder, name))
            one_alias(report, folder, "jemalloc itself")
    report.end()


if __name__ == "__main__":
    main()
