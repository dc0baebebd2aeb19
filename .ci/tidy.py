#!/usr/bin/env python3
"""House rules that no compiler checks: names, sizes, imports, layers, words.

    tidy.py                 every check over the repository this script stands in; exit 1 on a finding
    tidy.py --only NAME     one check
    tidy.py --list          the names of the checks
    tidy.py --self-test     every check against snippets that it has to find, and against ones it must not

It reads files and nothing else: no build, no network, Python's own library only.
"""

import argparse
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import rooms  # noqa: E402
from swift_source import SwiftFile, imports_of, manifest_targets  # noqa: E402

FUNCTION_LINES = 60
FILE_LINES = 500
# A value without behaviour may stand beside the type that makes it or takes it.
GUEST_LINES = 40
# Generated or quoted text that nobody reads top to bottom.
SIZE_EXEMPT = {"LICENSE"}

TOP_LEVEL_NAMES = {
    "Package.swift", "Plugins", "Sources", "Tests", "config.yaml.example", "deploy", "README.md", "Makefile", ".ci",
    ".swift-format", ".gitignore", "CHANGELOG.md", "Benchmarks", "docs", "LICENSE", "Fuzz",
    # Not under version control.
    ".git", ".build", "Package.resolved",
}
# An executable's entry, and a system library's header and map, stand at the root of their target.
LOOSE_FILE_TARGETS = {"sluice", "sluice-echo"}

STANDARD = {"Swift", "Synchronization", "_Concurrency"}
FOUNDATION = {"Foundation", "FoundationEssentials", "FoundationNetworking"}
PLATFORM = {"Dispatch"}
# One target names the C library, for all.
C_LIBRARY = {"Glibc", "Musl", "Darwin"}
C_LIBRARY_TARGET = "SluiceSystem"
TESTING = {"Testing", "XCTest"}

# What a target may import besides the standard library. A target that is not named here may import what
# the manifest gives it, the platform and Foundation.
ALLOWED_IMPORTS = {
    "SluiceBase": {"SluiceSystem", "NIOCore"},
    "SluiceAdmission": {"SluiceBase", "Crypto", "CryptoExtras"} | FOUNDATION,
    "SluiceWire": {"NIOCore", "CZlib"},
    "SluiceHTTP": {
        "SluiceBase", "SluiceSystem", "SluiceWire", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOTLS", "NIOSSL", "NIOHTTP2",
        "NIOHPACK", "Crypto", "Instrumentation", "Logging", "SwiftASN1", "X509",
    } | PLATFORM,
    "SluiceRelay": {"SluiceBase", "SluiceWire", "NIOCore", "DequeModule", "Logging"},
}
DENIED_IMPORTS = {
    "SluiceServer": {"GRDB", "SluiceClient", "ArgumentParser"},
    "SluiceClient": {"GRDB", "SluiceServer", "SluiceRelay", "SluiceAdmission", "ArgumentParser"},
    "SluiceEngine": {"GRDB", "NIOHTTP1", "SluiceServer", "SluiceClient", "SluiceStorage"},
    "SluiceStorage": {"NIOPosix", "NIOSSL", "NIOHTTP1", "SluiceServer", "SluiceClient"},
}
VALUE_IMPORTS = {"SluiceBase", "NIOCore", "DequeModule"}
VALUE_FOLDERS = {("SluiceRelay", "Log"), ("SluiceRelay", "Author"), ("SluiceRelay", "Delivery")}

# In pieces, so that this file does not find itself.
OPEN_ENDS = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]

TEXT_SUFFIXES = {
    "", ".swift", ".md", ".py", ".sh", ".yaml", ".yml", ".json", ".conf", ".service", ".js", ".html", ".css",
    ".txt", ".c", ".h", ".modulemap", ".example", ".rules",
}


class Tree:
    """The files of one checkout, read once."""

    def __init__(self, root):
        self.root = Path(root)
        self.paths = sorted(self._walk())
        self._swift = {}

    def _walk(self):
        for folder, names, files in os.walk(self.root, followlinks=True):
            names[:] = [n for n in names if n not in (".git", ".build", ".venv", "__pycache__")]
            for name in files:
                yield (Path(folder) / name).relative_to(self.root)

    def swift(self, path):
        if path not in self._swift:
            self._swift[path] = SwiftFile((self.root / path).read_text(encoding="utf-8"))
        return self._swift[path]

    def swift_paths(self, *tops):
        return [p for p in self.paths if p.suffix == ".swift" and p.parts[0] in tops and p.name != "Package.swift"]

    def text_paths(self):
        return [
            p for p in self.paths
            if p.suffix in TEXT_SUFFIXES and p.parts[0] in TOP_LEVEL_NAMES and p.name != "Package.resolved"
        ]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")


def check_types(tree):
    """A file is named after a type of it; only small values stand beside that type."""
    for path in tree.swift_paths("Sources", "Tests"):
        base = path.stem.partition("+")[0]
        if path.name == "main.swift":
            continue
        types = [t for t in tree.swift(path).top_level_types() if not t.is_private]
        names = [t.name for t in types]
        is_aspect = "+" in path.stem
        if not is_aspect and names and base not in names:
            yield path, types[0].line, f"declares {names[0]}, so it should be named {names[0]}.swift"
        elif not is_aspect and not names and path.parts[0] == "Sources":
            yield path, 1, f"declares no type {base}; extensions stand in Type+aspect.swift"
        for declared in types:
            count = declared.last_line - declared.line + 1
            if declared.name != base and count > GUEST_LINES:
                yield path, declared.line, (
                    f"{declared.name} has {count} lines and wants a file of its own, "
                    f"{GUEST_LINES} lines is the most beside another type"
                )


def check_assertions(tree):
    """A test can fail: it has a body, and its file asserts something."""
    asserts = re.compile(r"#expect\b|#require\b|\bIssue\.record\b|\bconfirmation\(|\bexpect\w*\(")
    for path in tree.swift_paths("Tests", "Fuzz"):
        source = tree.swift(path)
        lines = source.code_lines()
        tests = [m for m in source.members() if any("@Test" in line for line in lines[max(0, m.line - 3):m.line])]
        for test in tests:
            body = "\n".join(lines[test.line - 1:test.last_line])
            if not body[body.find("{") + 1:body.rfind("}")].strip():
                yield path, test.line, f"{test.name} is a test without a body"
        if tests and not asserts.search(source.code):
            yield path, tests[0].line, "tests that assert nothing"


def check_sizes(tree):
    """Functions of 60 lines and files of 500 lines at most."""
    for path in tree.text_paths():
        if path.name in SIZE_EXEMPT or path.parts[0] == "docs" or path.suffix in (".md", ".json", ".txt"):
            continue
        count = tree.text(path).count("\n")
        if count > FILE_LINES:
            yield path, FILE_LINES, f"{count} lines, the limit is {FILE_LINES}"
    for path in tree.swift_paths("Sources", "Tests", "Fuzz", "Benchmarks"):
        for member in tree.swift(path).members():
            count = member.last_line - member.line + 1
            if count > FUNCTION_LINES and not member.excused:
                yield path, member.line, (
                    f"{member.name} has {count} lines, the limit is {FUNCTION_LINES} "
                    "(a pure table may say why above it: // tidy: long, because ...)"
                )


def check_layout(tree):
    """No loose files at a target's root, no spaces in names, known names at the top."""
    for path in tree.paths:
        if " " in str(path):
            yield path, 1, "a space in a name"
        if path.parts[0] not in TOP_LEVEL_NAMES:
            yield path, 1, f"{path.parts[0]} is not one of the names that stand at the top"
        loose = len(path.parts) == 3 and path.parts[0] == "Sources" and path.suffix == ".swift"
        if loose and path.parts[1] not in LOOSE_FILE_TARGETS:
            yield path, 1, "a loose file at a target's root: it belongs in a folder"


def allowed_for(target, folder, name, declared):
    """The modules that a file may import, or None where the manifest alone decides."""
    if name.endswith("Machine.swift") or (target, folder) in VALUE_FOLDERS:
        return VALUE_IMPORTS | STANDARD
    if target in ALLOWED_IMPORTS:
        return ALLOWED_IMPORTS[target] | STANDARD
    return declared


def check_imports(tree):
    """A file imports what its target may know, and nothing that the manifest does not declare for it."""
    manifest = tree.root / "Package.swift"
    targets = manifest_targets(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    for path in tree.swift_paths("Sources", "Tests"):
        target = path.parts[1]
        folder = path.parts[2] if len(path.parts) > 3 else ""
        declared = STANDARD | FOUNDATION | PLATFORM | {target} | targets.get(target, set())
        if path.parts[0] == "Tests":
            declared |= TESTING | C_LIBRARY
        elif target == C_LIBRARY_TARGET:
            declared |= C_LIBRARY
        allowed = allowed_for(target, folder, path.name, declared) if path.parts[0] == "Sources" else declared
        for line, module in imports_of(tree.swift(path)):
            if module in DENIED_IMPORTS.get(target, set()):
                yield path, line, f"{target} may not know {module}"
            elif module in C_LIBRARY and module not in allowed:
                yield path, line, f"{module} comes by {C_LIBRARY_TARGET}"
            elif module not in allowed:
                yield path, line, f"{module} may not be imported here"
            elif targets and module not in declared:
                yield path, line, f"{module} is not declared as a dependency of {target} in Package.swift"


def check_layers(tree):
    """The picture of the rooms in the docs is true: what targets import, and which folder names which."""
    page = tree.root / rooms.PLACE
    picture = rooms.picture_in(page.read_text(encoding="utf-8")) if page.exists() else None
    if picture is None:
        yield Path(rooms.PLACE), 1, "no block `rooms` with the picture of the targets and their folders"
        return
    for line, text in picture.problems:
        yield Path(rooms.PLACE), line, text
    yield from check_arrows(tree, picture)
    for target, layers in picture.layers.items():
        yield from check_rooms(tree, target, layers)


def check_arrows(tree, picture):
    """Each target imports of ours what the picture says, all of it and nothing else."""
    imported = {}
    targets = {p.parts[1] for p in tree.paths if p.parts[0] == "Sources" and len(p.parts) > 2}
    for path in tree.swift_paths("Sources"):
        found = imported.setdefault(path.parts[1], {})
        for line, module in imports_of(tree.swift(path)):
            found.setdefault(module, (path, line))
    for target, found in imported.items():
        ours = {m.replace("_", "-") for m in found} & targets
        drawn = picture.imports.get(target, set())
        for other in sorted(ours - drawn):
            path, line = found[other.replace("-", "_")]
            yield path, line, f"the picture of the rooms does not show that {target} imports {other}"
        for other in sorted(drawn - ours):
            yield Path(rooms.PLACE), 1, f"the picture shows that {target} imports {other}, and nothing there does"
    for target in sorted(set(picture.imports) - set(imported)):
        yield Path(rooms.PLACE), 1, f"the picture shows {target}, which does not exist"


def check_rooms(tree, target, layers):
    """Inside a target the flow has one direction: a folder names only the folders left of it."""
    paths = [p for p in tree.swift_paths("Sources") if p.parts[1] == target and len(p.parts) > 3]
    homes = {}
    for path in paths:
        for declared in tree.swift(path).top_level_types():
            if not declared.is_private:
                homes[declared.name] = path.parts[2]
    for room in sorted(set(layers) - {p.parts[2] for p in paths}):
        yield Path(rooms.PLACE), 1, f"the picture shows {room} in {target}, which does not exist"
    for path in paths:
        folder = path.parts[2]
        if folder not in layers:
            yield path, 1, f"{folder} is not a folder of {target}: {', '.join(layers)}"
            continue
        source = tree.swift(path)
        own = source.declared_names()
        seen = set()
        for line, word in source.type_words():
            home = homes.get(word)
            if home in (None, folder) or word in own or word in seen:
                continue
            seen.add(word)
            if home not in layers[folder]:
                yield path, line, f"{folder} names {word} of {home}, which does not stand before it"


def check_words(tree):
    """No open ends."""
    patterns = [(re.compile(rf"\b{word}\b"), word) for word in OPEN_ENDS]
    for path in tree.text_paths():
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            for pattern, word in patterns:
                if pattern.search(line):
                    yield path, number, f"the text says {word!r}"


def check_safety(tree):
    """Whoever vouches for the compiler says why, on the line or just above it."""
    claim = re.compile(r"@unchecked\s+Sendable|nonisolated\(unsafe\)")
    for path in tree.swift_paths("Sources"):
        source = tree.swift(path)
        for number, line in enumerate(source.code_lines(), 1):
            if claim.search(line) and not source.has_comment_at_or_above(number):
                yield path, number, "a claim to be safe without the invariant that makes it so"


def check_clock(tree):
    """Time is an argument in everything that decides: no clock is read below the driver."""
    clock = re.compile(r"\bNIODeadline\.now\b|\bDate\(\)|\bDate\.now\b|\bclock_gettime\b|\bContinuousClock\b|\.now\(\)")
    for path in tree.swift_paths("Sources"):
        pure = path.parts[1] == "SluiceRelay" and len(path.parts) > 3 and path.parts[2] != "Home"
        if not pure and not path.name.endswith("Machine.swift"):
            continue
        for number, line in enumerate(tree.swift(path).code_lines(), 1):
            if clock.search(line):
                yield path, number, "reads a clock; take `now` as an argument"


# What names a message's number, also as the end of a longer name.
SEQ_NAME = r"(?:\w*(?:[sS]eq|[cC]ursor|[tT]hrough|[sS]ince)|head|tail|\w+(?:Head|Tail))"
# A step of one that is no part of a longer number, name or call.
SEQ_STEP = re.compile(
    rf"(?<!\w)(?:U?Int\d*\((?:\w+\.)*{SEQ_NAME}(?:\.rawValue)?\)|{SEQ_NAME}(?:\.rawValue)?)\s*&?[-+]\s*1(?![\w.])"
)
CONVERSION = re.compile(r"(?<![.\w])U?Int(?:8|16|32|64)?\(")
SAFE_LABEL = re.compile(r"(?:clamping|exactly|truncatingIfNeeded|bitPattern)\s*:")
# A number with a fraction by its type, by a literal, or by what it was made of.
DOUBLE_NAMES = re.compile(
    r"\b(\w+)\s*:\s*Double\b|\b(?:let|var)\s+(\w+)\s*=\s*(?!U?Int\d*\()[^\n]*(?:\bDouble\(|\.rounded\(|\b\d[\d_]*\.\d)"
)
DOUBLE_MARKS = re.compile(
    r"\.rounded\(|\bDouble\(|\b\d[\d_]*\.\d|\b\de\d"
    r"|\b(?:framesPerSecond|seconds|rate|percent|ratio|share|\w*(?<!nano)(?<!milli)(?<!micro)(?<!Nano)(?<!Milli)Seconds)\b"
)


def check_traps(tree):
    """A number from outside reaches no conversion and no step that traps."""
    for path in tree.swift_paths("Sources"):
        source = tree.swift(path)
        if path.name != "Seq.swift":
            for match in SEQ_STEP.finditer(source.code):
                yield path, source.line_of(match.start()), f"{match.group()!r}: a seq has next, previous and distances"
        names = {name for found in DOUBLE_NAMES.findall(source.code) for name in found if name}
        for match in CONVERSION.finditer(source.code):
            depth, end = 1, match.end()
            while end < len(source.code) and depth:
                depth += {"(": 1, ")": -1}.get(source.code[end], 0)
                end += 1
            argument = source.code[match.end():end - 1].strip()
            if SAFE_LABEL.match(argument):
                continue
            # A duration's nanoseconds are a whole number, whatever the duration is called.
            words = set(re.findall(r"\w+", argument))
            if not words & {"nanoseconds", "uptimeNanoseconds"} and (words & names or DOUBLE_MARKS.search(argument)):
                yield path, source.line_of(match.start()), "traps on what is too large or no number; say clamping or exactly"


def check_scripts(tree):
    """A script can be started, and stops at its first error."""
    for path in tree.paths:
        is_script = path.suffix == ".sh" or (path.parts[0] == ".ci" and path.suffix == "")
        if not is_script or path.parts[0] not in TOP_LEVEL_NAMES:
            continue
        text = tree.text(path)
        if not text.startswith("#!"):
            yield path, 1, "a script without a first line that says what runs it"
        elif not os.access(tree.root / path, os.X_OK):
            yield path, 1, "a script that is not executable"
        elif "bash" in text.splitlines()[0] and not re.search(r"^set -e\w*u\w* ?-?o? pipefail|^set -euo pipefail", text, re.M):
            yield path, 1, "a script without `set -euo pipefail`"


CHECKS = {
    "types": check_types,
    "assertions": check_assertions,
    "sizes": check_sizes,
    "layout": check_layout,
    "imports": check_imports,
    "layers": check_layers,
    "words": check_words,
    "safety": check_safety,
    "clock": check_clock,
    "traps": check_traps,
    "scripts": check_scripts,
}


def run(tree, names):
    """Prints the findings of the named checks and says how many there are."""
    count = 0
    for name in names:
        for path, line, text in CHECKS[name](tree):
            print(f"{path}:{line}: {text} [{name}]")
            count += 1
    return count


def main():
    parser = argparse.ArgumentParser(description="Checks the house rules.")
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent, help="the checkout to read")
    parser.add_argument("--only", action="append", choices=sorted(CHECKS), help="this check alone; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the checks")
    parser.add_argument("--self-test", action="store_true", help="check the checks")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CHECKS))
        return 0
    if options.self_test:
        import tidy_cases

        return tidy_cases.run(Tree, CHECKS)
    count = run(Tree(options.root), options.only or list(CHECKS))
    if count:
        print(f"{count} finding{'s' if count > 1 else ''}", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
