#!/usr/bin/env bash
# Makes an environment of the HTTP filter: FOLDER .venv-http, which `filterd http serve` takes, from
# requirements/http.txt on Python 3.11 and requirements/http-py312.txt on newer ones; or .venv-http-new,
# which tests try beside it, always on a newer one. PYTHON names the interpreter. filterd itself is
# found there by a .pth file: nothing of filterd's own requirements is installed beside mitmproxy's.
# MEDIA=1 adds what perceptual hashes need, which is kept from then on.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/build/packages.sh
folder=$1
shopt -s nullglob
if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
elif [ -x "$folder/bin/python" ]; then
    candidates=("$folder/bin/python") # as it was made
elif [ "$folder" = .venv-http-new ]; then
    # Those of pyenv are where no PATH leads, and its shims fail.
    pyenv=${PYENV_ROOT:-$HOME/.pyenv}/versions
    candidates=(python3.13 python3.12 python3 "$pyenv"/3.13.*/bin/python "$pyenv"/3.12.*/bin/python)
else
    candidates=(.venv/bin/python python3.11 python3)
fi
oldest=11
[ "$folder" = .venv-http ] || oldest=12

python=""
for candidate in "${candidates[@]}"; do
    if minor=$("$candidate" -c 'import ensurepip, sys, venv; print(sys.version_info[1])' 2>/dev/null) && [ "$minor" -ge "$oldest" ]; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "filterd build: no Python 3.$oldest or newer (${candidates[*]}), so no $folder; its tests are skipped, and say so" >&2
    [ -z "${PYTHON:-}" ] || exit 1
    exit 0
fi
requirements=requirements/http.txt
[ "$minor" -eq 11 ] || requirements=requirements/http-py312.txt
# An environment of another version is made anew; one with the same is brought up to date.
if [ "$("$folder/bin/python" -c 'import sys; print(sys.version_info[1])' 2>/dev/null)" != "$minor" ]; then
    "$python" -m venv --clear "$folder"
fi
echo "installing $requirements into $folder (Python 3.$minor) ..."
# Without --no-deps it would hold mitmproxy's pins against what the overrides have changed.
install_python "$folder/bin/python" --no-deps -r "$requirements"
if [ -n "${MEDIA:-}" ] || "$folder/bin/python" -c 'import pdqhash' 2>/dev/null; then
    install_python "$folder/bin/python" -r requirements/http-media.txt
fi
"$folder/bin/python" - <<'PY'
import pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
(site / "filterd.pth").write_text(f"{pathlib.Path.cwd()}\n", encoding="utf-8")
PY
