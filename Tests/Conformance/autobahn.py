#!/usr/bin/env python3
"""What autobahn.sh needs of the Autobahn suite's JSON files.

    autobahn.py spec TEMPLATE OUTDIR URL [CASES...]     prints the suite's specification
    autobahn.py judge REPORTS SCHEME...                 prints the verdict; exit 1 if a case failed or did not run
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

# INFORMATIONAL: the suite only notes what the server does where the RFC leaves it the choice.
PASSED = {"OK", "INFORMATIONAL"}


def specification(template, outdir, url, cases):
    spec = json.loads(Path(template).read_text())
    spec["outdir"] = outdir
    spec["servers"][0]["url"] = url
    if cases:
        spec["cases"] = cases
    return json.dumps(spec)


def planned(log):
    """The cases that the suite said it would run."""
    found = re.search(r"^Cases = (\[.*\])$", log.read_text(errors="replace"), re.MULTILINE)
    return re.findall(r"'([0-9.]+)'", found.group(1)) if found else []


def judge(folder):
    """One scheme's report as (passed, failed), each case on its own line where it failed."""
    plan = planned(folder / "wstest.log")
    index = folder / "index.json"
    results = json.loads(index.read_text()).get("sluice-echo", {}) if index.exists() else {}
    sections, passed, failed = {}, 0, 0
    for case in plan:
        result = results.get(case, {"behavior": "DID NOT RUN", "behaviorClose": "DID NOT RUN"})
        is_good = result["behavior"] in PASSED and result["behaviorClose"] in PASSED
        passed, failed = passed + is_good, failed + (not is_good)
        sections.setdefault(int(case.split(".")[0]), Counter())[is_good] += 1
        if not is_good:
            print(f"{folder.name} {case}: {result['behavior']}, close {result['behaviorClose']}")
    for section, counts in sorted(sections.items()):
        print(f"{folder.name} section {section:>2}: {counts[True]:>3} of {sum(counts.values()):>3}")
    if not plan:
        print(f"{folder.name}: the suite ran nothing; see {folder / 'wstest.log'}")
        failed += 1
    return passed, failed


def main(arguments):
    if arguments[:1] == ["spec"] and len(arguments) >= 4:
        print(specification(arguments[1], arguments[2], arguments[3], arguments[4:]))
        return 0
    if arguments[:1] == ["judge"] and len(arguments) >= 3:
        verdicts = [judge(Path(arguments[1]) / scheme) for scheme in arguments[2:]]
        passed, failed = (sum(column) for column in zip(*verdicts))
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
