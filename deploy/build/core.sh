#!/usr/bin/env bash
# Builds the Rust core and puts it, with the package, into .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
echo "building the core ..."
export VIRTUAL_ENV=$PWD/.venv
# Not editable-by-network: every dependency is there already, so nothing is fetched but crates.
.venv/bin/maturin develop --release --quiet --locked --skip-install
.venv/bin/python - <<'PY'
import pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
(site / "filterd.pth").write_text(f"{pathlib.Path.cwd()}\n", encoding="utf-8")
script = pathlib.Path(sysconfig.get_path("scripts")) / "filterd"
script.write_text(
    f"#!{sysconfig.get_path('scripts')}/python\n"
    "import sys\nfrom filterd.cli.main import main\nsys.exit(main())\n",
    encoding="utf-8",
)
script.chmod(0o755)
PY
