#!/usr/bin/env bash
# The browser's side without a browser: the scripts' syntax, the client's rules and types, the page's consistency.
#
#   run.sh [ARGUMENTS OF node --test...]     such as: --test-name-pattern=gap
set -euo pipefail
cd "$(dirname "$0")"
files=$PWD/../../Sources/SluiceAssets/Files

if ! command -v node >/dev/null; then
    echo "browser: SKIPPED, there is no node here (Debian: nodejs, 20 or later)" >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# As they are served: both folders are one.
cp -R "$files"/client/. "$files"/console/. "$folder"
echo '{"type":"module"}' >"$folder/package.json"
while IFS= read -r script; do
    node --check "$script"
done < <(find "$folder" -name '*.js')
CONSOLE_FILES=$folder timeout 120 node --test "$@" ./*.test.mjs
