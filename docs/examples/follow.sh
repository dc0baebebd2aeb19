#!/usr/bin/env bash
# Follows a scan with curl, as Server-Sent Events, and prints each message as a line of JSON, to the scan's end.
#
#     export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… SLUICE_CA=ca.crt
#     ./follow.sh nightly-1
#
# After an interruption it continues behind the last message that it got. Exit code: 0 for a scan that completed, 1 for
# one that failed or may not be followed.
set -euo pipefail
scan=${1:?which scan?}
last=
pause=3

# One event: its type and its data.
take() {
    case $1 in
        # 44xx: the gateway does not want this client back.
        sluice.close) [[ $2 != *'"code":44'* ]] || { echo "the end: $2" >&2 && exit 1; } ;;
        # The gateway's own; no scanner can post these.
        subscribed | lag | scanStalled | scanResumed | tokenExpiring) echo "gateway: $2" >&2 ;;
        *) printf '%s\n' "$2" ;;
    esac
    [[ $1 != scanCompleted ]] || exit 0
    [[ $1 != error ]] || exit 1
}

while true; do
    type=
    data=
    while IFS= read -r line; do
        case $line in
            # Digits alone: the shell would run what stands in an index.
            'retry: '*) [[ ! ${line#retry: } =~ ^[0-9]{1,7}$ ]] || pause=$((10#${line#retry: } / 1000 + 1)) ;;
            'id: '*) last=${line#id: } ;;
            'event: '*) type=${line#event: } ;;
            'data: '*) data+=${data:+ }${line#data: } ;;
            'HTTP 4'*) echo "refused: $line" >&2 && exit 1 ;;
            '')
                [[ -z $data ]] || take "$type" "$data"
                type=
                data=
                ;;
        esac
    done < <(
        # By a file descriptor: other users of this machine see arguments.
        curl --config /dev/fd/3 --silent --no-buffer ${SLUICE_CA:+--cacert "$SLUICE_CA"} --write-out '\nHTTP %{http_code}\n' \
            ${last:+--header "Last-Event-ID: $last"} "$SLUICE_URL/api/scans/$scan/events?since=0&wait=300" 3<<END
header = "Authorization: Bearer $SLUICE_TOKEN"
END
    )
    echo "interrupted; again in $pause s" >&2
    sleep "$pause"
done
