#!/usr/bin/env bash
# Prints the version of the packages: filterd's own, and of a checkout also which commit it is, so that
# every later one is a newer version to apt: 0.1.0+git20261123054614.8af451325e26 (time in UTC).
set -euo pipefail
cd "$(dirname "$0")/../.."
own=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' filterd/__init__.py)
commit=
if [ -e .git ]; then
    commit=$(TZ=UTC git log -1 --abbrev=12 --date=format-local:%Y%m%d%H%M%S --format=%cd.%h 2>/dev/null) || commit=
fi
echo "$own${commit:++git$commit}"
