#!/bin/sh
# autogen.sh -- make `configure` from configure.ac, after a fresh checkout.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux
exec autoreconf --force --install "$@"
