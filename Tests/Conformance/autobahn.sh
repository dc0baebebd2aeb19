#!/usr/bin/env bash
# The Autobahn test suite against sluice-echo, over ws and over wss.
#
#   autobahn.sh [--ws | --wss] [CASES...]     CASES like '1.*' '12.1.3'; all 517 without any, about 20 minutes on an idle machine
#
# The suite is a Python 2.7 program. PYTHON2 names the interpreter, else the usual places are looked at. SLUICE_ECHO
# names the server, else it is the release build's. Reports for reading stand in .build/autobahn/reports afterwards.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite_version=25.10.1
home=$PWD/.build/autobahn
export SWIFT_BACKTRACE=enable=no

schemes=(ws wss)
case ${1:-} in
    --ws) schemes=(ws); shift ;;
    --wss) schemes=(wss); shift ;;
    --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "autobahn: unknown option $1" >&2; exit 64 ;;
esac
cases=("$@")

is_python2() {
    [[ $("$1" -c 'import sys; sys.stdout.write("%d.%d" % sys.version_info[:2])' 2>/dev/null) == 2.7 ]]
}

find_python2() {
    local candidate
    for candidate in ${PYTHON2:+"$PYTHON2"} python2.7 pypy python2 /usr/bin/pypy \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*2.7*/bin/python; do
        if is_python2 "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

install_package() {
    command -v apt-get >/dev/null && ((EUID == 0)) || return 1
    apt-get update -qq </dev/null >&2 || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

install_suite() {
    [[ -x $home/suite/bin/wstest && $(cat "$home/suite/version" 2>/dev/null) == "$suite_version" ]] && return
    local python2
    if ! python2=$(find_python2); then
        # Debian has had both, but its newer releases have neither.
        install_package python2.7-dev || install_package pypy-dev || true
        if ! python2=$(find_python2); then
            echo "autobahn: no Python 2.7 here; name one by PYTHON2=..." >&2
            exit 69
        fi
    fi
    echo "autobahn: installing the suite for $python2" >&2
    mkdir -p "$home"
    # The last virtualenv that makes environments for Python 2.7; the interpreter itself need not have pip.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_package python3-venv
    python3 -m venv --clear "$home/virtualenv"
    "$home/virtualenv/bin/pip" install --quiet --disable-pip-version-check 'virtualenv==20.21.1' </dev/null >&2
    "$home/virtualenv/bin/virtualenv" --quiet --clear --python "$python2" "$home/suite" >&2
    "$home/suite/bin/pip" install --quiet --no-python-version-warning "autobahntestsuite==$suite_version" \
        </dev/null >&2
    echo "$suite_version" >"$home/suite/version"
}

server=
stop_server() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    server=
}
work=$(mktemp -d)
trap 'stop_server; rm -rf "$work"' EXIT

# start_server ARGUMENT...: sets `server` to its process and `port` to where it listens.
start_server() {
    "$echo_server" --port 0 "$@" 2>"$work/echo.log" &
    server=$!
    local attempt
    for ((attempt = 0; attempt < 100; attempt++)); do
        port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$work/echo.log")
        [[ -z $port ]] || return 0
        sleep 0.1
    done
    echo "autobahn: sluice-echo does not listen:" >&2
    cat "$work/echo.log" >&2
    exit 1
}

# run_suite SCHEME: leaves the suite's index at .build/autobahn/reports/SCHEME/index.json.
run_suite() {
    local scheme=$1 reports=$home/reports/$1
    rm -rf "$reports"
    mkdir -p "$reports"
    if [[ $scheme == wss ]]; then
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
            -keyout "$work/echo.key" -out "$work/echo.crt" 2>/dev/null
        start_server --certificate "$work/echo.crt" --private-key "$work/echo.key"
    else
        start_server
    fi
    python3 Tests/Conformance/autobahn.py spec Tests/Conformance/autobahn.json "$reports" \
        "$scheme://127.0.0.1:$port" ${cases[@]+"${cases[@]}"} >"$work/spec.json"
    echo "autobahn: $scheme on port $port" >&2
    "$home/suite/bin/wstest" -m fuzzingclient -s "$work/spec.json" >"$reports/wstest.log" 2>&1 || true
    if ! kill -0 "$server" 2>/dev/null; then
        echo "autobahn: sluice-echo did not live to see the end:" >&2
        cat "$work/echo.log" >&2
        exit 1
    fi
    stop_server
}

# Looked for first: without it the minutes of installing would be for nothing.
echo_server=${SLUICE_ECHO:-$(swift build -c release --show-bin-path)/sluice-echo}
if [[ ! -x $echo_server ]]; then
    echo "autobahn: no $echo_server; swift build -c release --product sluice-echo makes it" >&2
    exit 66
fi
install_suite
for scheme in "${schemes[@]}"; do
    run_suite "$scheme"
done
python3 Tests/Conformance/autobahn.py judge "$home/reports" "${schemes[@]}"
