#!/usr/bin/env bash
# What a gateway does when it is killed, when the power is cut, and when its disk or its files fail, each with an outside
# ledger.
#
#   run.sh path/to/sluice [ROUNDS]      ROUNDS: kills for each durability (100)
set -euo pipefail
cd "$(dirname "$0")"
sluice=$(realpath "${1:?names the program to test}")
rounds=${2:-100}
status=0
for durability in batched synced; do
    python3 kill_loop.py --sluice "$sluice" --durability "$durability" --rounds "$rounds" || status=1
done
python3 rolling_restart.py --sluice "$sluice" || status=1
python3 backup.py --sluice "$sluice" || status=1
python3 power_cut.py --sluice "$sluice" || status=1
python3 disk_faults.py --sluice "$sluice" || status=1
python3 file_faults.py --sluice "$sluice" || status=1
python3 retention_faults.py --sluice "$sluice" || status=1
python3 load_faults.py --sluice "$sluice" || status=1
exit "$status"
