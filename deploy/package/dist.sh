#!/usr/bin/env bash
# Builds the command with the Swift libraries inside and packs it: .build/dist/sluice-VERSION-linux-ARCH.tar.gz, its
# checksum and its list of parts. With SLUICE_BINARY it packs an existing binary instead.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"
export SWIFT_BACKTRACE=enable=no
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

binary=${SLUICE_BINARY:-}
if [[ -z $binary ]]; then
    flags=(-c release --static-swift-stdlib --disable-local-rpath --explicit-target-dependency-import-check error)
    swift build "${flags[@]}" --product sluice
    binary=$(swift build "${flags[@]}" --show-bin-path)/sluice
fi
# It must run on systems without Swift.
if foreign=$(ldd "$binary" | grep -E 'libswift|libFoundation|lib_Foundation|libdispatch'); then
    echo "dist: the Swift libraries are not inside:"$'\n'"$foreign" >&2
    exit 1
fi
version=$("$binary" --version)
name=sluice-$version-linux-$(uname -m)
out=.build/dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
"$here/stage.sh" "$binary" "$work/$name" /usr/local
cp LICENSE "$work/$name/"
# The same input gives the same file.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work" -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
cp "$work/$name/share/doc/sluice/sbom.cdx.json" "$out/$name.cdx.json"
ls -l "$out/$name".*
