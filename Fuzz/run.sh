#!/usr/bin/env bash
# Lets libFuzzer loose on every part that strangers' bytes reach, under the address sanitizer.
#
#   run.sh [SECONDS] [TARGET...]     60 seconds for each target by default; the names are those of Seeds/
#
# Inputs that broke something are kept in FailCases/<target>/, which the ordinary tests replay. What was learned stays
# in .build/fuzz/corpus, so that the next run begins where this one ended.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))
targets=("$@")
if ((${#targets[@]} == 0)); then
    for folder in Fuzz/Seeds/*/; do
        targets+=("$(basename "$folder")")
    done
fi

scratch=.build/fuzz
export SWIFT_BACKTRACE=enable=no
SLUICE_FUZZ=1 swift build --product sluice-fuzz --scratch-path "$scratch"
program=$scratch/debug/sluice-fuzz

status=0
for target in "${targets[@]}"; do
    corpus=$scratch/corpus/$target
    fails=Fuzz/FailCases/$target
    log=$scratch/$target.log
    mkdir -p "$corpus" "$fails"
    # Swift keeps its types' descriptions for ever, and Yams its handlers: no leak grows with the inputs.
    if FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=0 "$program" -max_total_time="$seconds" -max_len=1500 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$fails/" \
        "$corpus" "Fuzz/Seeds/$target" >"$log" 2>&1; then
        verdict=clean
    else
        verdict="FAILED, see $log and $fails"
        status=1
    fi
    rmdir --ignore-fail-on-non-empty "$fails"
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 || true)
    printf '%-14s %10s runs, %s edges: %s\n' "$target" "${runs:-?}" "${edges#cov: }" "$verdict"
done
exit "$status"
