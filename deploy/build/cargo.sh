#!/usr/bin/env bash
# cargo in the workspace, with the interpreter that the binding is built for.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYO3_PYTHON=$PWD/.venv/bin/python
cd rust
command=$1
shift
case $command in
    fmt) command -v cargo-fmt >/dev/null || { echo "cargo fmt is not here: formatting not checked (install rustfmt)"; exit 0; } ;;
    clippy) command -v cargo-clippy >/dev/null || { echo "cargo clippy is not here: lints not checked (install clippy)"; exit 0; } ;;
esac
exec cargo "$command" "$@"
