#!/usr/bin/env bash
# Writes requirements/*.txt: names, versions and hashes, no addresses. run: a node; hub: a hub;
# media: a node that perceives pictures; dev: run and hub, and what tests need.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v uv >/dev/null || { echo "uv is needed: pip install uv" >&2; exit 1; }
options=(--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links)
uv pip compile pyproject.toml "${options[@]}" -o requirements/run.txt
uv pip compile pyproject.toml --extra hub "${options[@]}" -o requirements/hub.txt
uv pip compile pyproject.toml --extra hub --extra pkcs11 --group dev "${options[@]}" -o requirements/dev.txt
uv pip compile pyproject.toml --extra media -c requirements/dev.txt "${options[@]}" -o requirements/media.txt
