#!/usr/bin/env bash
# Makes .venv-http, the environment of the HTTP filter, from requirements/http.txt. filterd itself is
# found there by a .pth file: nothing of filterd's own requirements is installed beside mitmproxy's.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/build/packages.sh

# The pins are Python 3.11's; mitmproxy 11.0.2 and its requirements have no wheels for newer ones.
python=""
for candidate in .venv/bin/python python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "filterd build: no Python 3.11, so no HTTP environment; its tests are skipped, and say so" >&2
    exit 0
fi
if [ ! -x .venv-http/bin/python ]; then
    "$python" -m venv .venv-http
fi
echo "installing the HTTP filter's packages into .venv-http ..."
# Without --no-deps pip would hold mitmproxy's pins against what http-override.txt has changed.
.venv-http/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/http.txt
.venv-http/bin/python - <<'PY'
import pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
(site / "filterd.pth").write_text(f"{pathlib.Path.cwd()}\n", encoding="utf-8")
PY
