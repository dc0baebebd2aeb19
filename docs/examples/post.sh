#!/bin/sh
# Posts messages to a scan with curl: one JSON object a line on standard input, sent as they come, in one request.
#
#     export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… SLUICE_CA=ca.crt
#     printf '%s\n' '{"type":"scanStarted"}' '{"type":"scanCompleted"}' | ./post.sh nightly-1
#
# Exit code: 0 if all were taken, 22 if the gateway refused. Its answer says how many it took.
set -eu

# By a file descriptor: other users of this machine see arguments.
curl --config /dev/fd/3 --silent --show-error --fail-with-body ${SLUICE_CA:+--cacert "$SLUICE_CA"} \
    --request POST --header 'Content-Type: application/x-ndjson' --header 'Expect:' --upload-file - \
    "$SLUICE_URL/api/scans/${1:?which scan?}/progress" 3<<END
header = "Authorization: Bearer $SLUICE_TOKEN"
END
echo
