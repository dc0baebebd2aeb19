#!/usr/bin/env bash
# Makes a Debian package out of a binary; prints its path.
#
#   build_deb.sh BINARY FOLDER [VERSION]
#
# DEB_COMPRESSION  xz, or gzip, which is faster by far (xz)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$1
out=$2
export SWIFT_BACKTRACE=enable=no
version=${3:-$("$binary" --version)}
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

"$here/stage.sh" "$binary" "$root/usr" /usr
doc=$root/usr/share/doc/sluice
gzip -9n "$root"/usr/share/man/man1/*.1 "$doc/changelog"
printf 'sluice (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- The Sluice authors <sluice@example.org>  %s\n' \
    "$version" "$(date -u -R -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")" | gzip -9n >"$doc/changelog.Debian.gz"
install -m 0644 "$here/debian/copyright" "$doc/copyright"

# The libraries that the binary needs from the system, with the versions that have them.
mkdir -p "$work/debian"
printf 'Source: sluice\n\nPackage: sluice\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -e "root/usr/bin/sluice" 2>/dev/null)
install -d "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: sluice
Version: $version
Section: net
Priority: optional
Architecture: $architecture
Maintainer: The Sluice authors <sluice@example.org>
Installed-Size: $(du -ks --exclude=DEBIAN "$root" | cut -f1)
Depends: ${libraries#shlibs:Depends=}, ca-certificates, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles
Recommends: tzdata
Suggests: nmap, prometheus
Description: WebSocket gateway for live scan progress
 Scanners post progress messages over HTTPS; subscribers follow a scan over a
 TLS WebSocket or an event stream, with messages numbered, batched and paced,
 and resume without a gap. One program with console, storage and metrics.
END
for script in postinst prerm postrm; do
    install -m 0755 "$here/debian/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
mkdir -p "$out"
package=$out/sluice_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$root" "$package" >/dev/null
echo "$package"
