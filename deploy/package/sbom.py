"""Writes what the command is made of, as CycloneDX 1.5, on standard output; and the licences of all of it.

    sbom.py BINARY LICENCE-FOLDER

The packages are those of Package.resolved, whose sources stand in .build/checkouts; libraries of the system are those
that the binary asks for.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
KNOWN = [("Apache License", "Apache-2.0"), ("MIT License", "MIT"), ("Permission is hereby granted, free of charge", "MIT")]


def licence_of(checkout):
    """The text of a package's licence, and its name by SPDX."""
    for name in ("LICENSE.txt", "LICENSE", "LICENSE.md"):
        if (checkout / name).exists():
            text = (checkout / name).read_text(encoding="utf-8")
            found = next((spdx for words, spdx in KNOWN if words in text), None)
            assert found, f"{checkout.name}: a licence that is not known here"
            return text, found
    raise SystemExit(f"{checkout.name}: no licence")


def package(pin, licences):
    path = re.sub(r"^https://|\.git$", "", pin["location"])
    checkout = TOP / ".build/checkouts" / path.rsplit("/", 1)[1]
    text, spdx = licence_of(checkout)
    (licences / f"{pin['identity']}.txt").write_text(text, encoding="utf-8")
    notice = checkout / "NOTICE.txt"
    if notice.exists():
        (licences / f"{pin['identity']}.NOTICE.txt").write_text(notice.read_text(encoding="utf-8"), encoding="utf-8")
    version = pin["state"].get("version", pin["state"]["revision"])
    reference = f"pkg:swift/{path}@{version}"
    return {
        "type": "library", "bom-ref": reference, "name": pin["identity"], "version": version, "purl": reference,
        "licenses": [{"license": {"id": spdx}}],
        "externalReferences": [{"type": "vcs", "url": pin["location"], "comment": pin["state"]["revision"]}],
    }


def system_libraries(binary):
    """What the binary asks the system for."""
    told = subprocess.check_output(["objdump", "-p", binary], text=True)
    return [{"type": "library", "bom-ref": f"system:{name}", "name": name, "scope": "required"}
            for name in re.findall(r"NEEDED\s+(\S+)", told)]


def main():
    binary, licences = sys.argv[1], Path(sys.argv[2])
    pins = json.loads((TOP / "Package.resolved").read_text(encoding="utf-8"))["pins"]
    components = [package(pin, licences) for pin in sorted(pins, key=lambda pin: pin["identity"])]
    version = subprocess.check_output([binary, "--version"], text=True).strip()
    compiler = subprocess.check_output(["swift", "--version"], text=True, stderr=subprocess.DEVNULL)
    components.append({"type": "platform", "bom-ref": "swift", "name": "swift",
                       "version": re.search(r"Swift version (\S+)", compiler)[1],
                       "licenses": [{"license": {"id": "Apache-2.0"}}]})
    components += system_libraries(binary)
    digest = hashlib.sha256(Path(binary).read_bytes()).hexdigest()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or None))
    main_component = {"type": "application", "bom-ref": "sluice", "name": "sluice", "version": version,
                      "licenses": [{"license": {"id": "Apache-2.0"}}], "hashes": [{"alg": "SHA-256", "content": digest}]}
    json.dump({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "metadata": {"timestamp": stamp, "component": main_component},
        "components": components,
        "dependencies": [{"ref": "sluice", "dependsOn": [component["bom-ref"] for component in components]}],
    }, sys.stdout, indent=2)
    print()


main()
