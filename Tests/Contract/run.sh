#!/usr/bin/env bash
# What scanners, browsers and operators see of a running gateway, looked at with clients that are not ours.
#
#   SLUICE=path/to/sluice run.sh [ARGUMENTS OF PYTEST...]     such as: -k idempotency, or test_auth.py
#
# Python's packages are those of requirements.txt.
set -euo pipefail
cd "$(dirname "$0")"
: "${SLUICE:?names the program to test}"
SLUICE=$(realpath "$SLUICE")
export SLUICE SWIFT_BACKTRACE=enable=no PYTHONDONTWRITEBYTECODE=1
exec python3 -m pytest "$@"
