#!/usr/bin/env python3
"""What each configuration key does, for `sluice check --reference`: taken from the tables of docs/configuration.md.

    key_texts.py            writes Sources/SluiceServer/Configuration/KeyTexts.swift
    key_texts.py --check    says whether that file is what the page says
"""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs/configuration.md"
FILE = ROOT / "Sources/SluiceServer/Configuration/KeyTexts.swift"
HEAD = '''/// What each key does, in the words of docs/configuration.md: written by .ci/key_texts.py, never by hand.
enum KeyTexts {
    /// By the key's path.
    static let all: [String: String] = {
        var texts: [String: String] = [:]
        for line in Self.table.split(separator: "\\n") {
            let key = line.prefix { $0 != " " }
            texts[String(key)] = String(line.dropFirst(key.count + 1))
        }
        return texts
    }()

    private static let table = """
'''


def texts():
    """The keys of the page's tables, and what their last cells say, without links."""
    found = {}
    for line in PAGE.read_text().splitlines():
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        key = re.fullmatch(r"\s*`([a-z0-9_.]+)`\s*", cells[0])
        if line.startswith("| `") and key and len(cells) == 3:
            found[key[1]] = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cells[2].strip()).replace("\\|", "|")
    return found


def source():
    """The Swift file."""
    lines = []
    for key, text in texts().items():
        text = f"{key} {text}".replace("\\", "\\\\").replace('"""', '\\"""')
        lines.append(" \\\n".join(f"        {part}" for part in textwrap.wrap(
            text, 110, break_long_words=False, break_on_hyphens=False)))
    return HEAD + "\n".join(lines) + '\n        """\n}\n'


def main():
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text() != source():
            print(f"{FILE.relative_to(ROOT)} is not what {PAGE.relative_to(ROOT)} says: run python3 .ci/key_texts.py")
            return 1
        return 0
    FILE.write_text(source())
    return 0


if __name__ == "__main__":
    sys.exit(main())
