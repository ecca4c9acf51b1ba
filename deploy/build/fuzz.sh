#!/usr/bin/env bash
# Runs every fuzz target of rust/fuzz for SECONDS each, with libFuzzer and coverage feedback, on
# the stable compiler: the same flags that `cargo fuzz run -s none` gives, without a nightly.
set -euo pipefail
cd "$(dirname "$0")/../../rust/fuzz"
seconds=${1:-60}
command -v c++ >/dev/null || { source ../../deploy/build/packages.sh; install_packages g++; }
target=$(rustc -vV | awk '/^host/ {print $2}')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1"
# Seconds of fuzzing do not pay for minutes of optimising; hours do.
[ "$seconds" -gt 60 ] || export CARGO_PROFILE_RELEASE_OPT_LEVEL=0
cargo build --quiet --release --locked --target "$target"
targets=$(awk -F '"' '/^\[\[bin\]\]/ {bin = 1} bin && /^name = / {print $2; bin = 0}' Cargo.toml)
for name in $targets; do
    mkdir -p "corpus/$name" "artifacts/$name"
    seeds=(); [ -d "seeds/$name" ] && seeds=("seeds/$name")
    echo "fuzzing $name for ${seconds}s"
    log=artifacts/$name/last.log
    if ! "target/$target/release/$name" -max_total_time="$seconds" \
        -artifact_prefix="artifacts/$name/" -timeout=10 -rss_limit_mb=2048 \
        "corpus/$name" "${seeds[@]}" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzzing $name found a fault: see rust/fuzz/artifacts/$name" >&2
        exit 1
    fi
    grep -hE '^(stat::number_of_executed_units|Done)' "$log" | tail -n 1
done
