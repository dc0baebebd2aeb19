#!/usr/bin/env python3
"""Writes the console's files out of their Swift constants: extract.py FOLDER"""

import re
import sys
import textwrap
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "Sources" / "SluiceServer" / "Console"
FILE = re.compile(r'/// `/([\w.-]*)`\.\n    static let text: StaticString = #"""\n(.*?)\n        """#', re.S)


def main():
    folder = Path(sys.argv[1])
    names = []
    for source in sorted(SOURCES.glob("*.swift")):
        for name, text in FILE.findall(source.read_text(encoding="utf-8")):
            names.append(name or "index.html")
            (folder / names[-1]).write_text(textwrap.dedent(text) + "\n", encoding="utf-8")
    if len(names) < 5:
        sys.exit(f"extract.py: only {names} found in {SOURCES}")


if __name__ == "__main__":
    main()
