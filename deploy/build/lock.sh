#!/usr/bin/env bash
# Writes requirements/*.txt: names, versions and hashes, no addresses. run: a node; hub: a hub;
# media: a node that perceives pictures, http-media: a worker that does; dev: run and hub, and what tests need; http, http-py312: the
# HTTP filter's environment on Python 3.11 and on newer ones, whose pins fit in no other (docs/adr/0019).
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v uv >/dev/null || { echo "uv is needed: pip install uv" >&2; exit 1; }
options=(--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links)
uv pip compile pyproject.toml "${options[@]}" -o requirements/run.txt
uv pip compile pyproject.toml --extra hub "${options[@]}" -o requirements/hub.txt
uv pip compile pyproject.toml --extra hub --extra pkcs11 --group dev "${options[@]}" -o requirements/dev.txt
uv pip compile pyproject.toml --extra media -c requirements/dev.txt "${options[@]}" -o requirements/media.txt
# The newest mitmproxy that Python 3.11 can run. What it pins and has known faults is overridden.
alone=("${options[@]/--universal/}")
echo "mitmproxy==11.0.2" | uv pip compile - ${alone[@]} --python-platform linux \
    --override requirements/http-override.txt -o requirements/http.txt
# What perceives pictures, beside either of them.
printf '%s\n' 'numpy>=2.0' 'pdqhash>=0.2.8' 'Pillow>=11.3' | uv pip compile - "${options[@]}" \
    -c requirements/media.txt -o requirements/http-media.txt
# The newest one, for Python 3.12 and later.
echo "mitmproxy==12.3.1" | uv pip compile - "${options[@]/3.11/3.12}" \
    --override requirements/http-py312-override.txt -o requirements/http-py312.txt
