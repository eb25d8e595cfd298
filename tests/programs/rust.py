#!/usr/bin/env python3
"""rust.py -- a Rust program that allocates by jemalloc and watches it with tikv-jemalloc-ctl."""

import os
import shutil
import subprocess
import tempfile

import jemalloc
import tap

SOURCE = os.path.join(jemalloc.HERE, "rust")
FETCH_SECONDS = 120


def cargo(words, folder, **more):
    env = jemalloc.environment(None, CARGO_TARGET_DIR=os.path.join(folder, "target"), **more)
    return subprocess.run(["cargo"] + words + ["--locked", "--manifest-path", os.path.join(SOURCE, "Cargo.toml")],
                          env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=FETCH_SECONDS, check=False)


def why_not(folder):
    """Why the program cannot be built here at all, or None."""
    if shutil.which("cargo") is None:
        return "cargo was not found"
    if shutil.which("cc") is None:
        return "cargo links by cc, which was not found"
    try:
        done = cargo(["fetch"], folder)
    except subprocess.TimeoutExpired:
        return "the crates could not be fetched within %d s" % FETCH_SECONDS
    return None if done.returncode == 0 else "the crates cannot be fetched: " + jemalloc.last_line(done.stdout)


def build(folder, target):
    """The program, linked to `target` by the name libjemalloc.so; its path and its complaints."""
    # One folder for each target: cargo links anew where the path is another one.
    linked = tempfile.mkdtemp(dir=folder)
    os.symlink(target, os.path.join(linked, "libjemalloc.so"))
    done = cargo(["build", "--release", "--quiet"], folder, JEMALLOC_OVERRIDE=os.path.join(linked, "libjemalloc.so"))
    path = os.path.join(folder, "target", "release", "jemalloc-user")
    if done.returncode != 0 or not os.path.exists(path):
        return path, ["cargo said: " + done.stdout[-3000:]]
    return path, []


def check(words, command, preload, who, **env):
    result = jemalloc.run(command, preload, **env)
    yield from jemalloc.complaints(result, "done", words)
    version = [line for line in result[1].splitlines() if line.startswith("version 5.")]
    if not version or ("trimalloc" in version[0]) != (who == "library"):
        yield "%s: it is not the %s that it runs on: %s" % (words, who, version)


def main():
    report = tap.Report()
    linked = "a Rust program linked to jemalloc, with the library preloaded, works as on jemalloc"
    aliased = "a Rust program linked to the library by jemalloc's name works"
    with tempfile.TemporaryDirectory(prefix="trimalloc-rust-") as folder:
        reason = why_not(folder)
        if reason:
            report.skip(linked, reason)
            report.skip(aliased, reason)
            report.end()
        if jemalloc.real():
            program, found = build(folder, jemalloc.real())
            if not found:
                found += check("on jemalloc itself", [program], None, "jemalloc")
                found += check("on the library", [program], jemalloc.library(), "library")
            report.sentence(linked, found)
        else:
            report.skip(linked, "there is no libjemalloc.so.2 here (Debian: libjemalloc2)")
        program, found = build(folder, os.path.abspath(os.path.join(jemalloc.alias(), "libjemalloc.so")))
        if not found:
            found += check("linked", [program], None, "library",
                           LD_LIBRARY_PATH=os.path.dirname(jemalloc.library()))
        report.sentence(aliased, found)
    report.end()


if __name__ == "__main__":
    main()
