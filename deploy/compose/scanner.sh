#!/usr/bin/env bash
# A scanner with invented findings: it runs one scan after the other, so that the gateway has something to show.
#
#   SLUICE_URL=http://127.0.0.1:8080 scanner.sh [SCANS [SECONDS-A-STEP]]
set -euo pipefail

# No SLUICE_ variable: those are keys of the configuration.
config=${SCANNER_CONFIG:-/etc/sluice/config.yaml}
scans=${1:-1000000}
pause=${2:-0.2}
severities=(info low medium high critical)

messages() {
    local percent
    echo '{"type":"scanStarted","name":"made up"}'
    for ((percent = 0; percent < 100; percent += 2)); do
        printf '{"type":"scanProgress","phase":"ports","percent":%d}\n' "$percent"
        if ((RANDOM % 4 == 0)); then
            printf '{"type":"finding","severity":"%s","host":"198.51.100.%d","port":%d}\n' \
                "${severities[RANDOM % 5]}" "$((RANDOM % 254 + 1))" "$((RANDOM % 1024 + 1))"
        fi
        sleep "$pause"
    done
    echo '{"type":"scanCompleted"}'
}

for ((number = 1; number <= scans; number++)); do
    # Each scan has its own token: none outlives the process for long.
    SLUICE_TOKEN=$(sluice token --config "$config" --sub scanner --scope ingest --scans 'demo-*' --ttl 1h)
    export SLUICE_TOKEN
    messages | sluice publish "demo-$(date +%s)-$number" || sleep 2
done
