#!/usr/bin/env bash
# Checks the files of this folder with the programs that will read them. Installs missing ones first; after that it
# needs no network. Everything it starts listens on loopback and ends with it.
set -euo pipefail
cd "$(dirname "$0")"

top=..
PATH="$PATH:/sbin:/usr/sbin"
"$top/.ci/setup" deploy
tools=$PWD/$top/.build/venv-deploy/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "verify: $*" >&2
    exit 1
}

# systemd-analyze verify exits 0 whatever it finds, so its output is the verdict.
unit_findings() {
    mkdir -p "$scratch/unit"
    # The command is not installed here; another program takes its place.
    sed "s#/usr/local/bin/sluice#/bin/true#; $2" "$1" >"$scratch/unit/sluice.service"
    cp systemd/sluice.socket "$scratch/unit/"
    systemd-analyze verify --man=no "$scratch/unit/sluice.service" "$scratch/unit/sluice.socket" 2>&1 || true
}

check_systemd() {
    local findings
    findings=$(unit_findings systemd/sluice.service '')
    [[ -z $findings ]] || fail "systemd: $findings"
    mkdir -p "$scratch/unit/sluice.service.d"
    cp app/ports.conf "$scratch/unit/sluice.service.d/"
    findings=$(unit_findings systemd/sluice.service '')
    [[ -z $findings ]] || fail "systemd: app/ports.conf: $findings"
    rm -r "$scratch/unit/sluice.service.d"
    findings=$(unit_findings systemd/sluice.service 's/^LimitNOFILE=/LimitNoFiles=/')
    [[ $findings == *LimitNoFiles* ]] || fail "systemd-analyze does not find a misspelt key"
    systemd-analyze security --offline=true --no-pager "$PWD/systemd/sluice.service" >"$scratch/score"
    tail -n 1 "$scratch/score"
    # 2.0 is the upper end of what systemd calls fine for a service that has to be on the network.
    systemd-analyze security --offline=true --threshold=20 --no-pager "$PWD/systemd/sluice.service" >/dev/null ||
        fail "systemd: more exposed than 2.0"
    mkdir -p "$scratch/root/etc/sysusers.d"
    cp systemd/sluice.sysusers "$scratch/root/etc/sysusers.d/sluice.conf"
    systemd-sysusers --root="$scratch/root" sluice.conf
    grep -q '^sluice:' "$scratch/root/etc/passwd" || fail "sysusers: no account"
    mkdir -p "$scratch/root/etc/tmpfiles.d"
    cp systemd/sluice.tmpfiles "$scratch/root/etc/tmpfiles.d/sluice.conf"
    systemd-tmpfiles --root="$scratch/root" --create sluice.conf 2>"$scratch/tmpfiles" || fail "$(cat "$scratch/tmpfiles")"
    [[ $(stat -c %a "$scratch/root/etc/sluice/secrets") == 750 ]] || fail "tmpfiles: secrets for everybody"
    echo "systemd: good"
}

check_docker() {
    "$tools/hadolint" docker/Dockerfile || fail "hadolint"
    printf 'FROM debian\nRUN cd /tmp && sudo ls\n' >"$scratch/Dockerfile"
    ! "$tools/hadolint" "$scratch/Dockerfile" >/dev/null || fail "hadolint finds nothing in a bad file"
    "$tools/python" verify_compose.py
    echo "docker: good (linted; no container is run)"
}

check_chart() {
    "$tools/python" verify_chart.py
    echo "chart: good (rendered and judged; no cluster is asked)"
}

check_scripts() {
    shellcheck verify.sh docker/healthcheck.sh compose/scanner.sh package/*.sh package/debian/p* \
        ../.ci/run ../.ci/setup ../.ci/lint ../.ci/docs
    echo "scripts: good"
}

check_healthcheck() {
    python3 verify_health.py docker/healthcheck.sh
    echo "health check: good"
}

check_proxies() {
    local name
    for name in nginx haproxy caddy nginx-cluster haproxy-cluster; do
        python3 verify_proxy.py "$name" "$scratch"
        echo "$name: good"
    done
    caddy fmt caddy/Caddyfile | cmp - caddy/Caddyfile || fail "caddy/Caddyfile: not as caddy fmt writes it"
}

check_cluster() {
    local server=$PWD/$top/.build/venv-cluster/bin/nats-server findings
    "$top/.ci/setup" cluster
    mkdir -p "$scratch/nats"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=nats-1.example.org \
        -keyout "$scratch/nats/server.key" -out "$scratch/nats/server.crt" 2>/dev/null
    cp "$scratch/nats/server.crt" "$scratch/nats/ca.crt"
    sed "s#/etc/nats/certs#$scratch/nats#" cluster/nats.conf >"$scratch/nats/nats.conf"
    SLUICE_PASSWORD=x NATS_NAME=nats-1 "$server" -t -c "$scratch/nats/nats.conf" 2>"$scratch/nats/found" ||
        fail "cluster/nats.conf: $(cat "$scratch/nats/found")"
    "$server" -t -c cluster/compose-nats.conf 2>"$scratch/nats/found" || fail "$(cat "$scratch/nats/found")"
    sed -i 's/max_payload/max_payloads/' "$scratch/nats/nats.conf"
    ! SLUICE_PASSWORD=x NATS_NAME=nats-1 "$server" -t -c "$scratch/nats/nats.conf" >/dev/null 2>&1 ||
        fail "nats-server finds no misspelt key"
    sed "s#/usr/local/bin/nats-server#/bin/true#" cluster/nats.service >"$scratch/unit/nats.service"
    findings=$(systemd-analyze verify --man=no "$scratch/unit/nats.service" 2>&1 || true)
    [[ -z $findings ]] || fail "cluster/nats.service: $findings"
    systemd-analyze security --offline=true --threshold=20 --no-pager "$scratch/unit/nats.service" >/dev/null ||
        fail "cluster/nats.service: more exposed than 2.0"
    # Names of containers that are not there are no fault of the file.
    /usr/sbin/haproxy -c -f cluster/compose-haproxy.cfg >"$scratch/nats/found" 2>&1 || fail "$(cat "$scratch/nats/found")"
    echo "cluster: good"
}

check_traefik() {
    "$tools/yamllint" --strict -d '{extends: default, rules: {line-length: {max: 120}}}' traefik
    "$tools/python" verify_traefik.py traefik/traefik.yaml traefik/dynamic/sluice.yaml
    echo "traefik: good"
}

check_monitoring() {
    promtool check rules --lint=all --lint-fatal prometheus/sluice.rules.yaml >/dev/null || fail "alerts"
    promtool check config prometheus/prometheus.yaml >/dev/null || fail "prometheus.yaml"
    promtool test rules prometheus/sluice.test.yaml >"$scratch/alerts" 2>&1 || fail "alerts: $(cat "$scratch/alerts")"
    # An alert that never fires fails its test.
    cp prometheus/sluice.test.yaml "$scratch/"
    sed 's/^        expr: up{.*/        expr: up{job="sluice"} == 5/' prometheus/sluice.rules.yaml >"$scratch/sluice.rules.yaml"
    ! promtool test rules "$scratch/sluice.test.yaml" >/dev/null 2>&1 || fail "promtool finds no alert that is mute"
    "$tools/yamllint" --strict -d '{extends: default, rules: {line-length: {max: 140}, document-start: disable}}' prometheus
    "$tools/python" verify_metrics.py "$scratch"
    echo "monitoring: good"
}

check_systemd
check_monitoring
check_docker
check_chart
check_scripts
check_healthcheck
check_proxies
check_cluster
check_traefik
echo "verify: all good"
