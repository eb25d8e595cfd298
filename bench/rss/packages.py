"""Debian's packages that a run needs, installed where they are missing."""

import os
import shutil
import subprocess
import sys

from runner.allocators import PACKAGED, find_packaged

# Debian's matplotlib belongs to Debian's Python, which need not be ours.
PYTHON_OF_CHARTS = "/usr/bin/python3"
LIBRARIES = {
    "jemalloc": "libjemalloc2",
    "tcmalloc": "libtcmalloc-minimal4",
    "mimalloc": "libmimalloc2.0",
}
CHARTS = "python3-matplotlib"


def can_draw():
    if not os.path.exists(PYTHON_OF_CHARTS):
        return False
    probe = [PYTHON_OF_CHARTS, "-c", "import matplotlib"]
    return subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0


def missing():
    """The packages whose files are not there."""
    names = [package for name, package in LIBRARIES.items()
             if not find_packaged(PACKAGED[name])]
    return names + ([] if can_draw() else [CHARTS])


def installers(names, is_root, has):
    """The commands that install packages; none where apt-get or the right to use
    it is missing. `has` says whether there is a program of a name."""
    if not names or not has("apt-get") or not (is_root or has("sudo")):
        return []
    prefix = [] if is_root else ["sudo"]
    return [prefix + ["apt-get", "-qq", "update"],
            prefix + ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *names]]


def install_missing():
    """What cannot be installed is not fatal: the run goes on without it."""
    names = missing()
    if names:
        print(f"installing {', '.join(names)}", file=sys.stderr, flush=True)
    for command in installers(names, os.geteuid() == 0, shutil.which):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
