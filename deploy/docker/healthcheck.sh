#!/bin/bash
# Asks the admin listener whether the gateway is alive. It needs only bash: an image without curl has less to patch.
#
#   healthcheck.sh [HOST [PORT]]
set -euo pipefail

host=${1:-127.0.0.1}
port=${2:-9464}

exec 3<>"/dev/tcp/$host/$port"
printf 'GET /healthz HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$host" "$port" >&3
IFS=' ' read -r -t 2 _ status _ <&3
[[ $status == 200 ]]
