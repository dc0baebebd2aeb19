#!/usr/bin/env bash
# What scanners, browsers and operators see of a running gateway, looked at with clients that are not ours.
#
#   SLUICE=path/to/sluice run.sh [ARGUMENTS OF PYTEST...]     such as: -k idempotency, or test_auth.py
#
# SLUICE_INTERRUPTIONS=1000 says how often all clients of test_interruptions.py together are interrupted (200 unless it
# is set: under a minute), and SEED=7 which of its runs it is; with -s it shows its figures.
#
# Python's packages are those of requirements.txt.
set -euo pipefail
cd "$(dirname "$0")"
: "${SLUICE:?names the program to test}"
SLUICE=$(realpath "$SLUICE")
export SLUICE SWIFT_BACKTRACE=enable=no PYTHONDONTWRITEBYTECODE=1
exec python3 -m pytest "$@"
