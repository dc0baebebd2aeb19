#!/usr/bin/env bash
# The engine against three real servers of NATS on loopback, which are stopped and go on while it writes.
#
#   run.sh [ARGUMENTS OF swift test...]
#
# The servers come from Python's package index, as requirements.txt says. What is started here ends here.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 Tests/Cluster/servers.py swift test --skip-build --disable-xctest --filter ClusterTests "$@"
