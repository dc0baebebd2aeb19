#!/usr/bin/env bash
# What a message, a request and a connection cost the gateway: CPU time and memory of its process alone, while a
# load generator of its own sends and receives over TLS on the loopback interface.
#
#   Benchmarks/run.sh                             the first table of docs/performance.md, but nchan-idle
#   Benchmarks/run.sh batched-500 post            those cases
#   ROUNDS=5 Benchmarks/run.sh slow-readers store groups of cases that are compared, in turns; medians
#   Benchmarks/run.sh peers                       beside other servers and a floor, as ratios, with one event loop
#
# The groups: peers, loops, scans, slow-readers, compressors, windows, deflate, store. In a case's name -plain is without
# TLS, one- with one event loop, and floor-, nchan- and uws- are other programs.
#
# SLUICE       the gateway's program (.build/release/sluice)
# ROUNDS       how often the cases are run, one after another (1)
# SECONDS_EACH how long each case is measured, after it has warmed up (10)
# EVENT_LOOPS  the gateway's event loops (null: one a core)
# RESULTS      where the results go as JSON (.build/bench/results.json)
# NCHAN        the nginx module to compare with (where Debian's libnginx-mod-nchan has it; none: no comparison)
# UWS_PYTHON   a Python that has PyPI's socketify (.build/venv-bench/bin/python; none: no comparison)
# SCANS        how many scans the case scans-many has (10000), each with three subscribers, who follow five by one socket
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no

sluice=${SLUICE:-.build/release/sluice}
seconds=${SECONDS_EACH:-10}
results=${RESULTS:-.build/bench/results.json}
nchan=${NCHAN:-/usr/lib/nginx/modules/ngx_nchan_module.so}
uws=${UWS_PYTHON:-.build/venv-bench/bin/python}
nginx=$(PATH="$PATH:/usr/sbin" command -v nginx || true)
cases=()
for name in "${@:-all}"; do
    case $name in
        all)
            cases+=(batched-500 frames-500 post post-array idle deflate-500 deflate-2k plain-2k)
            cases+=(nchan-frames-500 nchan-post)
            ;;
        peers)
            for name in post frames-500; do
                for how in -plain ''; do
                    cases+=("floor-$name$how" "nchan-$name$how" "one-$name$how")
                    [[ $name == post ]] || cases+=("uws-$name$how")
                done
            done
            cases+=(one-batched-500-plain one-batched-500 one-post-array-plain one-idle-plain one-idle)
            ;;
        loops) cases+=(one-post-plain two-post-plain one-frames-500-plain two-frames-500-plain) ;;
        scans) cases+=(one-scans-one-plain one-scans-many-plain) ;;
        slow-readers) cases+=(slow-none slow-two slow-hundred slow-none-900) ;;
        compressors) cases+=(scans-plain scans-deflate scans-deflate-1500) ;;
        windows) cases+=(window-{9,11,13,15}-{500,2k}) ;;
        deflate) cases+=(deflate-2k plain-2k) ;;
        store) cases+=(batched-500 stored-500 post stored-post post-array stored-post-array) ;;
        *) cases+=("$name") ;;
    esac
done

if [[ ! -x $sluice ]]; then
    echo "bench: no program at $sluice; make release builds it" >&2
    exit 69
fi
sockets=$((3 * ${SCANS:-10000} / 5))
descriptors=$((sockets > 9000 ? sockets + 1000 : 10000))
if [[ $(ulimit -n) != unlimited ]] && (($(ulimit -n) < descriptors)) && ! ulimit -n $descriptors; then
    echo "bench: each side holds many connections; raise the limit of open files (ulimit -n $descriptors)" >&2
    exit 69
fi

folder=$(mktemp -d)
server=
stop_server() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}
clean_up() {
    stop_server
    rm -rf "$folder"
}
trap clean_up EXIT

mkdir -p "$(dirname "$results")"
cc -O2 -o "$folder/load" Benchmarks/{load,client,latency,server}.c -lssl -lcrypto -lz
cc -O2 -o "$folder/floor" Benchmarks/floor.c -lssl -lcrypto
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/key.pem" \
    -out "$folder/certificate.pem" 2>/dev/null
openssl rand -hex 32 >"$folder/jwt.key"

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for PORT: until the server takes connections.
wait_for() {
    local attempt
    for ((attempt = 0; attempt < 100; attempt++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
            return 0
        fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    echo "bench: the server did not start:" >&2
    cat "$folder/server.log" >&2
    return 1
}

# start_gateway [FRAMES [YAML]]: a gateway whose limits are out of the way; FRAMES a second for each subscriber.
start_gateway() {
    port=$(free_port)
    admin=$(free_port)
    rm -rf "$folder/data"
    local security='tls: { certificate: certificate.pem, private_key: key.pem }'
    [[ -z $plain ]] || security=
    cat >"$folder/config.yaml" <<END
listen: { host: 127.0.0.1, port: $port, event_loops: ${loops:-null}${plain:+, plaintext: true} }
$security
admin: { port: $admin }
auth:
  keys: [ { id: bench, algorithm: HS256, secret_file: jwt.key } ]
relay: { max_messages_per_second: ${1:-10} }
limits:
  connections: { per_user: 50000, per_address: 50000 }
  accepts: { rate: 100000, burst: 100000 }
  handshakes: { rate: 100000, burst: 100000 }
  ingest: { rate: 10000000, burst: 10000000 }
  requests: { rate: 1000000, burst: 1000000 }
log: { level: error }
${2:-}
END
    token=$("$sluice" token --config "$folder/config.yaml" --sub bench --scans '*' --scope ingest --ttl 1h)
    "$sluice" serve --config "$folder/config.yaml" 2>"$folder/server.log" &
    server=$!
    wait_for "$port"
}

# start_floor and start_uws: the same work done by little else than the kernel and OpenSSL, and by uWebSockets.
start_floor() {
    port=$(free_port)
    token=none
    "$folder/floor" "$port" "${certificate[@]}" 2>"$folder/server.log" &
    server=$!
    wait_for "$port"
}
start_uws() {
    port=$(free_port)
    token=none
    "$uws" Benchmarks/uws.py "$port" "${certificate[@]}" 2>"$folder/server.log" &
    server=$!
    wait_for "$port"
}

# The peer: nginx with Nchan, one worker in one process, with the same certificate.
start_nchan() {
    port=$(free_port)
    token=none
    local ssl=' ssl'
    [[ -z $plain ]] || ssl=
    cat >"$folder/nginx.conf" <<END
load_module $nchan;
daemon off;
master_process off;
pid $folder/nginx.pid;
error_log $folder/server.log;
events { worker_connections 10000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$port$ssl;
        ssl_certificate $folder/certificate.pem;
        ssl_certificate_key $folder/key.pem;
        nchan_message_buffer_length 1000;
        location ~ ^/publish/(\w+)\$ { nchan_publisher; nchan_channel_id \$1; }
        location ~ ^/subscribe/(\w+)\$ { nchan_subscriber websocket; nchan_channel_id \$1; }
    }
}
END
    "$nginx" -p "$folder" -e "$folder/server.log" -c "$folder/nginx.conf" 2>"$folder/nginx.log" &
    server=$!
    wait_for "$port"
}

# measure NAME KIND [OPTION...]: one case against the server that runs.
measure() {
    local name=$1 kind=$2
    shift 2
    "$folder/load" --name "$name" --port "$port" --pid "$server" --token "$token" --seconds "$seconds" \
        ${plain:+--plain} "$@" "$kind" >"$folder/result"
    # The load average of the machine tells which runs to believe.
    sed "s/^{/{\"load_average\":$(cut -d ' ' -f 1 /proc/loadavg),/" "$folder/result" >>"$folder/results.jsonl"
    stop_server
}

# slow NAME [OPTION...]: 1,000 subscribers, some of which read slowly or not at all, and are left in peace for it.
# 100 KB/s for each, so that 64 KiB/s is too little.
slow() {
    start_gateway 10 'clients: { timeout: 10m, max_buffered: 256KiB }'
    measure "$1" fanout --warmup 10 --rate 50 --bytes 2000 --critical 32 --admin "$admin" "${@:2}" \
        --subscribe "$subscribe" "${publish[@]}"
}

# scans NAME COUNT [OPTION...]: so many scans with a subscriber each, who get a batch of 20 messages.
scans() {
    start_gateway
    measure "$1" scans --subscribers "$2" --array 20 --admin "$admin" "${@:3}" \
        --subscribe /api/ws/scans/bench-%d --publish /api/scans/bench-%d/progress
}

stored='storage: { path: data, durability: batched }'
subscribe=/api/ws/scans/bench
publish=(--publish /api/scans/bench/progress)
run_case() {
    echo "bench: $1" >&2
    local yaml= plain= loops=${EVENT_LOOPS:-} case=${1%-plain}
    local certificate=("$folder/certificate.pem" "$folder/key.pem")
    if [[ $1 == *-plain && $1 != scans-plain ]]; then
        plain=yes
        certificate=()
    else
        case=$1
    fi
    case $case in
        one-*) loops=1 ;;
        two-*) loops=2 ;;
    esac
    case=${case#one-}
    case=${case#two-}
    [[ $case != stored-* ]] || yaml=$stored
    case $case in
        batched-500 | stored-500)
            start_gateway 10 "$yaml"
            measure "$1" fanout --subscribe $subscribe "${publish[@]}"
            ;;
        frames-500)
            start_gateway 0
            measure "$1" fanout --subscribe "$subscribe?batch=off" "${publish[@]}"
            ;;
        post | stored-post)
            start_gateway 10 "$yaml"
            measure "$1" post --publish /api/scans/bench-%d/progress
            ;;
        post-array | stored-post-array)
            start_gateway 10 "$yaml"
            measure "$1" post --array 100 --publish /api/scans/bench-%d/progress
            ;;
        idle)
            start_gateway
            measure "$1" idle --subscribe $subscribe "${publish[@]}"
            ;;
        deflate-500)
            start_gateway
            measure "$1" fanout --deflate --joins 1 --subscribe $subscribe "${publish[@]}"
            ;;
        deflate-2k)
            start_gateway
            measure "$1" fanout --deflate --joins 1 --rate 20 --bytes 2000 --subscribe $subscribe "${publish[@]}"
            ;;
        plain-2k)
            start_gateway
            measure "$1" fanout --joins 1 --rate 20 --bytes 2000 --subscribe $subscribe "${publish[@]}"
            ;;
        window-*)
            start_gateway 10 "compression: { permessage_deflate: { window_bits: $(cut -d - -f 2 <<<"$1") } }"
            local load=(--rate 50 --bytes 500)
            [[ $1 != *-2k ]] || load=(--rate 20 --bytes 2000)
            measure "$1" fanout --deflate --joins 1 "${load[@]}" --subscribe $subscribe "${publish[@]}"
            ;;
        scans-one | scans-many)
            start_gateway 0
            local how=(--subscribers 3 --subscribe '/api/ws/scans/bench-%d?batch=off')
            [[ $case != scans-many ]] || how=(--scans "${SCANS:-10000}" --subscribers "$sockets" --follow 5
                --subscribe '/api/ws?batch=off')
            measure "$1" fanout --rate 1000 --idle "$seconds" "${how[@]}" --publish /api/scans/bench-%d/progress
            ;;
        floor-*)
            start_floor
            case $case in
                floor-frames-500) measure "$1" fanout --subscribe /subscribe --publish /publish ;;
                floor-post) measure "$1" post --publish /publish/bench%d ;;
            esac
            ;;
        uws-frames-500)
            if ! "$uws" -c 'import socketify' 2>"$folder/server.log"; then
                echo "bench: $1 left out; it needs PyPI's socketify (.ci/setup bench)" >&2
                return
            fi
            start_uws
            measure "$1" fanout --subscribe /subscribe --publish /publish/bench
            ;;
        slow-none) slow "$1" ;;
        slow-none-900) slow "$1" --subscribers 900 ;;
        slow-two) slow "$1" --slow 1 --stopped 1 ;;
        slow-hundred) slow "$1" --stopped 100 ;;
        scans-plain) scans "$1" 1000 ;;
        scans-deflate) scans "$1" 1000 --deflate ;;
        scans-deflate-1500) scans "$1" 1500 --deflate ;;
        nchan-*)
            if [[ -z $nginx || ! -f $nchan ]]; then
                echo "bench: $1 left out; it needs nginx and libnginx-mod-nchan" >&2
                return
            fi
            start_nchan
            case $case in
                nchan-frames-500) measure "$1" fanout --subscribe /subscribe/bench --publish /publish/bench ;;
                nchan-post) measure "$1" post --publish /publish/bench%d ;;
                nchan-idle) measure "$1" idle --subscribe /subscribe/bench --publish /publish/bench ;;
            esac
            ;;
        *)
            echo "bench: no such case: $1" >&2
            exit 64
            ;;
    esac
}

for ((round = 0; round < ${ROUNDS:-1}; round++)); do
    for name in "${cases[@]}"; do
        run_case "$name"
    done
done
python3 Benchmarks/report.py "$folder/results.jsonl" Benchmarks/thresholds.json "$results"
