#!/usr/bin/env bash
# Puts the files of an installation under a folder: the command, its manual, completions, unit, account, licences.
#
#   stage.sh BINARY FOLDER PREFIX        PREFIX is where the folder's content will end up: /usr or /usr/local
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
binary=$1
root=$2
prefix=$3

export SWIFT_BACKTRACE=enable=no
install -D -m 0755 "$binary" "$root/bin/sluice"
strip --strip-unneeded "$root/bin/sluice"
python3 "$here/manual.py" "$binary" "$root/share/man/man1"
install -d "$root/share/bash-completion/completions" "$root/share/zsh/vendor-completions" \
    "$root/share/fish/vendor_completions.d"
"$binary" --generate-completion-script bash >"$root/share/bash-completion/completions/sluice"
"$binary" --generate-completion-script zsh >"$root/share/zsh/vendor-completions/_sluice"
"$binary" --generate-completion-script fish >"$root/share/fish/vendor_completions.d/sluice.fish"

install -d "$root/lib/systemd/system" "$root/lib/sysusers.d" "$root/lib/tmpfiles.d"
sed -e "s#/usr/local/bin/sluice#$prefix/bin/sluice#" -e '/^# \/etc\/systemd/,/^$/d' \
    "$top/deploy/systemd/sluice.service" >"$root/lib/systemd/system/sluice.service"
install -m 0644 "$top/deploy/systemd/sluice.socket" "$root/lib/systemd/system/"
install -m 0644 "$top/deploy/systemd/sluice.sysusers" "$root/lib/sysusers.d/sluice.conf"
install -m 0644 "$top/deploy/systemd/sluice.tmpfiles" "$root/lib/tmpfiles.d/sluice.conf"

doc=$root/share/doc/sluice
install -D -m 0644 "$top/config.yaml.example" "$doc/examples/config.yaml"
install -d "$doc/examples/prometheus" "$doc/examples/grafana" "$doc/licenses"
install -m 0644 "$top"/deploy/prometheus/sluice.rules.yaml "$top"/deploy/prometheus/prometheus.yaml "$doc/examples/prometheus/"
install -m 0644 "$top/deploy/grafana/sluice.json" "$doc/examples/grafana/"
install -m 0644 "$top/README.md" "$doc/"
# The pages, their pictures, the API's description and the examples, in their folders.
(cd "$top/docs" && find . -type f -not -path '*/__pycache__/*' -exec install -D -m 0644 {} "$doc/{}" \;)
install -m 0644 "$top/CHANGELOG.md" "$doc/changelog"
python3 "$here/sbom.py" "$binary" "$doc/licenses" >"$doc/sbom.cdx.json"
chmod -R go=u-w "$2"
