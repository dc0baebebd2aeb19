#!/usr/bin/env bash
# The browser's side without a browser: the scripts' syntax, the client's rules and types, the page's consistency.
#
#   run.sh [ARGUMENTS OF node --test...]     such as: --test-name-pattern=gap
set -euo pipefail
cd "$(dirname "$0")"
files=$PWD/../../Sources/SluiceAssets/Files

# What .ci/setup brings where the machine has none, or an older one.
PATH=$PWD/../../.build/venv-browser/bin:$PATH
if ! [[ $(node --version 2>/dev/null) =~ ^v([0-9]+) ]] || ((BASH_REMATCH[1] < 20)); then
    echo "browser: SKIPPED, there is no node of 20 or later here" >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# As they are served: both folders are one, and a folder that is named like a script is one script.
cp -R "$files"/client/. "$files"/console/. "$folder"
while IFS= read -r parts; do
    mv "$parts" "$parts.parts"
    LC_ALL=C cat "$parts.parts"/*.js | grep -v '^import ' >"$parts"
done < <(find "$folder" -mindepth 1 -name '*.js' -type d)
echo '{"type":"module"}' >"$folder/package.json"
while IFS= read -r script; do
    node --check "$script"
done < <(find "$folder" -name '*.js')
if command -v tsc >/dev/null; then
    tsc -p tsconfig.json
else
    echo "browser: types NOT checked, there is no tsc here (Debian: node-typescript)" >&2
fi
CONSOLE_FILES=$folder timeout 120 node --test "$@" ./*.test.mjs
