#!/usr/bin/env bash
# Installs, starts, upgrades, removes and purges the package in a bare Debian without Swift (debootstrap; root). Without
# systemd as the first process there, the gateway is started by hand, as the unit would: as its user, with its
# configuration. Everything listens on loopback, in a network of its own, and ends with the script.
#
#   verify_deb.sh BINARY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
binary=$(realpath "$1")
# The folder is made once; each run works on a copy.
pristine=$top/.build/debian/pristine
packages=ca-certificates,libsqlite3-0,libstdc++6,zlib1g,tzdata,systemd

if [[ ! -e $pristine/complete ]]; then
    rm -rf "$pristine"
    mkdir -p "${pristine%/*}"
    debootstrap --variant=minbase --include="$packages" bookworm "$pristine" >"$pristine.log" 2>&1 ||
        { tail -n 5 "$pristine.log" >&2 && exit 1; }
    touch "$pristine/complete"
fi
if [[ -z ${SLUICE_OWN_NETWORK:-} ]]; then
    exec env SLUICE_OWN_NETWORK=1 unshare --net --mount "$0" "$binary"
fi
ip link set lo up

work=$(mktemp -d)
root=$work/root
server=

end() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap end EXIT

fail() {
    echo "verify_deb: $*" >&2
    exit 1
}

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SWIFT_BACKTRACE=enable=no "$@"; }

# ask PORT PATH: the status; bash alone, as in the container.
ask() {
    local status
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    IFS=' ' read -r -t 5 _ status _ <&3
    exec 3>&-
    echo "$status"
}

# The same of the public listener, by a client that verifies its certificate.
ask_public() {
    curl -sS -o /dev/null -w '%{http_code}' --cacert "$root/etc/sluice/certs/ca.crt" "https://127.0.0.1:18443$1"
}

start() {
    chroot "$root" /usr/bin/setpriv --reuid=sluice --regid=sluice --clear-groups \
        /usr/bin/env -i SWIFT_BACKTRACE=enable=no /usr/bin/sluice serve --config /etc/sluice/config.yaml \
        2>"$work/log" &
    server=$!
    for _ in {1..100}; do
        if [[ $(ask 19464 /readyz 2>/dev/null) == 200 ]]; then
            return
        fi
        sleep 0.1
    done
    fail "it does not get ready: $(cat "$work/log")"
}

stop() {
    kill -TERM "$server"
    wait "$server" || fail "it ended with $?"
    server=
}

expect() { [[ $1 == "$2" ]] || fail "$3: $1, not $2"; }
owner() { inside stat -c '%U:%G %a' "$1"; }

cp -a "$pristine" "$root"
mount -t proc proc "$root/proc"

export SWIFT_BACKTRACE=enable=no DEB_COMPRESSION=gzip
version=$("$binary" --version)
old=$("$here/build_deb.sh" "$binary" "$work" "$version~before")
new=$("$here/build_deb.sh" "$binary" "$work" "$version")
cp "$old" "$new" "$root/root/"
old=/root/${old##*/}
new=/root/${new##*/}

# Installed
inside dpkg -i "$old" >"$work/dpkg" 2>&1 || fail "not installed: $(cat "$work/dpkg")"
! inside ldd /usr/bin/sluice | grep -E 'not found|swift' || fail "libraries that are not there"
expect "$(inside sluice --version)" "$version" "version"
expect "$(owner /etc/sluice)" "root:sluice 750" "/etc/sluice"
expect "$(owner /etc/sluice/secrets)" "root:sluice 750" "/etc/sluice/secrets"
for name in config.yaml certs/gateway.key secrets/jwt.key; do
    expect "$(owner "/etc/sluice/$name")" "root:sluice 640" "$name"
done
for name in secrets/ca.key secrets/ingest.key; do
    expect "$(owner "/etc/sluice/$name")" "root:root 600" "$name"
done
! grep -rqF -e "$(cat "$root/etc/sluice/secrets/ingest.key")" -e "$(cat "$root/etc/sluice/secrets/jwt.key")" \
    "$work/dpkg" "$root/etc/sluice/config.yaml" || fail "a secret was printed"
expect "$(inside getent passwd sluice | cut -d: -f6,7)" "/var/lib/sluice:/usr/sbin/nologin" "account"
expect "$(inside find /usr -name '*.service' -path '*sluice*' | wc -l)" 1 "units"

# Started, with the configuration as it was made but for its ports
inside sed -i -e 's/^  port: 8443$/  port: 18443/' -e 's/^  port: 9464$/  port: 19464/' -e 's/0\.0\.0\.0/127.0.0.1/' \
    /etc/sluice/config.yaml
# What StateDirectory= does.
inside install -d -m 0700 -o sluice -g sluice /var/lib/sluice
inside sluice check --config /etc/sluice/config.yaml || fail "the configuration has faults"
start
expect "$(ask_public /healthz)" 200 "public listener"
expect "$(inside sh -c 'sluice publish first --url https://127.0.0.1:18443 --ca /etc/sluice/certs/ca.crt \
    --token-file /etc/sluice/secrets/ingest.key' <<<'{"type":"scanStarted"}' | cut -d, -f2)" '"accepted":1' "a first message"
expect "$(ask 19464 /metrics)" 200 "metrics"

# Upgraded, while it runs; the old process goes on until it is told to stop.
sum=$(sha256sum "$root/etc/sluice/config.yaml")
inside dpkg -i "$new" >"$work/dpkg" 2>&1 || fail "not upgraded: $(cat "$work/dpkg")"
expect "$(sha256sum "$root/etc/sluice/config.yaml")" "$sum" "the operator's file"
expect "$(ask_public /healthz)" 200 "the old process after the upgrade"
stop
start
expect "$(ask_public /healthz)" 200 "the new process"
stop
# shellcheck disable=SC2016 # dpkg's own variable
expect "$(inside dpkg-query -W -f '${Version}' sluice)" "$version" "installed version"

# Removed, and purged
inside dpkg -r sluice >/dev/null 2>&1
[[ ! -e $root/usr/bin/sluice && ! -e $root/usr/lib/systemd/system/sluice.service ]] || fail "removed, and still there"
[[ -e $root/etc/sluice/config.yaml && -d $root/var/lib/sluice ]] || fail "removing took the operator's files"
inside dpkg -P sluice >/dev/null 2>&1
[[ ! -e $root/etc/sluice && ! -e $root/var/lib/sluice ]] || fail "purged, and something is left"
left=$(find "$root" -xdev -name '*sluice*' -not -path "$root/root/*" -not -path "$root/proc/*" -not -path "$root/var/log/*")
[[ -z $left ]] || fail "left behind: $left"
expect "$(inside getent passwd sluice | cut -d: -f1)" sluice "the account, which stays"
echo "package: installed, started, upgraded, removed and purged"
