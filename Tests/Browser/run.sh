#!/usr/bin/env bash
# The browser's side without a browser: the scripts' syntax, the client's rules, the page's consistency.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v node >/dev/null; then
    echo "browser: node 20 or later is needed (Debian: nodejs)" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 extract.py "$folder"
echo '{"type":"module"}' >"$folder/package.json"
for script in "$folder"/*.js; do
    node --check "$script"
done
CONSOLE_FILES=$folder timeout 120 node --test ./*.test.mjs
