"""Snippets that each check has to find, and ones that it must leave alone: a check that cannot fail is worth nothing."""

import os
import sys
import tempfile
from pathlib import Path

RELAY = "Sources/SluiceRelay"
MANIFEST = """
let package = Package(name: "p", targets: [
    .target(
        name: "SluiceRelay",
        dependencies: [
            "SluiceWire",
            .product(name: "NIOCore", package: nio),
            .product(name: "DequeModule", package: "swift-collections"),
        ],
        swiftSettings: settings
    ),
    .target(name: "SluiceServer", dependencies: [.product(name: "NIOPosix", package: nio), "SluiceRelay"]),
    .target(name: "SluiceClient", dependencies: ["SluiceServer", "GRDB"]),
    .testTarget(name: "SluiceRelayTests", dependencies: ["SluiceRelay"], swiftSettings: settings),
])
"""


def picture(text):
    return {"docs/architecture.md": f"```rooms\n{text}\n```\n"}


FLOW = picture("SluiceRelay: Messages ← Log")


def function(lines, head="func long() {"):
    return head + "\n" + "    let x = 1\n" * (lines - 2) + "}\n"


# Check, what the case is about, files, what the finding says (None: there must be no finding).
CASES = [
    ("types", "the file's own type", {f"{RELAY}/Log/A.swift": "struct A {\n    enum B {}\n}\n"}, None),
    ("types", "private helpers beside it", {f"{RELAY}/Log/A.swift": "struct A {}\nprivate struct B {}\n"}, None),
    ("types", "an attribute and modifiers", {f"{RELAY}/Log/A.swift": "@safe\npackage final class A {}\n"}, None),
    ("types", "a second type", {f"{RELAY}/Log/A.swift": "struct A {}\nenum B {}\n"}, None),
    ("types", "a second type of some size",
     {f"{RELAY}/Log/A.swift": "struct A {}\nenum B {\n" + "    case a\n" * 40 + "}\n"}, "B has 42 lines"),
    ("types", "a private setter is no private type",
     {f"{RELAY}/Log/A.swift": "struct A { private(set) var x: Int }\npackage enum B {" + "\n" * 41 + "}\n"}, "B has 42 lines"),
    ("types", "another name", {f"{RELAY}/Log/A.swift": "struct B {}\n"}, "named B.swift"),
    ("types", "no type at all", {f"{RELAY}/Log/A.swift": "extension B {}\n"}, "declares no type A"),
    ("types", "an extension file", {f"{RELAY}/Log/A+b.swift": "extension A { struct C {} }\n"}, None),
    ("types", "a value in an extension file", {f"{RELAY}/Log/A+b.swift": "struct C {}\nextension A {}\n"}, None),
    ("types", "a long type in an extension file",
     {f"{RELAY}/Log/A+b.swift": "struct C {" + "\n" * 41 + "}\n"}, "C has 42 lines"),
    ("types", "a type in a comment or a string",
     {f"{RELAY}/Log/A.swift": 'struct A { let s = "struct B {"; /* enum C { /* } */ */ }\n// class D {}\n'}, None),
    ("types", "a multi-line string", {f"{RELAY}/Log/A.swift": 'struct A { let s = """\n  struct B {}\n  """ }\n'}, None),
    ("types", "a raw string", {f"{RELAY}/Log/A.swift": 'struct A { let s = #"\\"}"#; let t = 1 }\n'}, None),
    ("types", "an interpolation that holds a string",
     {f"{RELAY}/Log/A.swift": 'struct A { let s = "\\(f(")")) struct B {" }\nstruct C {' + "\n" * 41 + "}\n"}, "C has 42 lines"),
    ("types", "a test suite by another name", {"Tests/T/ATests.swift": "struct BTests {}\n"}, "named BTests.swift"),
    ("types", "free tests", {"Tests/T/ATests.swift": "@Test func a() {}\n"}, None),

    ("assertions", "a test that expects", {"Tests/T/ATests.swift": "@Test func a() { #expect(b()) }\n"}, None),
    ("assertions", "a test that expects by a helper", {"Tests/T/ATests.swift": "@Test func a() { expectOrder(b()) }\n"}, None),
    ("assertions", "an empty test", {"Tests/T/ATests.swift": '@Test("x")\nfunc a() {}\n'}, "without a body"),
    ("assertions", "a test that only runs", {"Tests/T/ATests.swift": "struct ATests {\n@Test func a() { b() }\n}\n"}, "assert nothing"),
    ("assertions", "no test", {"Tests/T/Support.swift": "struct A { func a() {} }\n"}, None),

    ("sizes", "60 lines", {f"{RELAY}/Log/A.swift": function(60)}, None),
    ("sizes", "61 lines", {f"{RELAY}/Log/A.swift": function(61)}, "long has 61 lines"),
    ("sizes", "61 lines in a type", {f"{RELAY}/Log/A.swift": "struct A {\n" + function(61) + "}\n"}, "long has 61"),
    ("sizes", "a long type of short functions",
     {f"{RELAY}/Log/A.swift": "struct A {\n" + function(40) + function(40, "init() {") + "}\n"}, None),
    ("sizes", "a signature of several lines counts",
     {f"{RELAY}/Log/A.swift": function(60, "func long(\n    a: (Int) -> Int = { $0 },\n    b: Int\n) {")}, "has 63"),
    ("sizes", "an initialiser", {f"{RELAY}/Log/A.swift": "struct A {\n" + function(61, "init?() {") + "}\n"}, "init has"),
    ("sizes", "a computed property", {f"{RELAY}/Log/A.swift": "struct A {\n" + function(61, "var x: Int {") + "}\n"}, "x has"),
    ("sizes", "a class function", {f"{RELAY}/Log/A.swift": "class A {\n" + function(61, "class func x() {") + "}\n"}, "x has"),
    ("sizes", "a table that says why",
     {f"{RELAY}/Log/A.swift": "// tidy: long, because it is RFC 6455's table.\n" + function(61)}, None),
    ("sizes", "a table that does not", {f"{RELAY}/Log/A.swift": "// tidy: long\n" + function(61)}, "long has 61"),
    ("sizes", "500 lines", {f"{RELAY}/Log/A.swift": "let a = 1\n" * 500}, None),
    ("sizes", "501 lines", {f"{RELAY}/Log/A.swift": "let a = 1\n" * 501}, "501 lines"),

    ("layout", "a file in a folder", {f"{RELAY}/Log/A.swift": ""}, None),
    ("layout", "a loose file", {f"{RELAY}/A.swift": ""}, "loose file"),
    ("layout", "an executable's entry", {"Sources/sluice/Sluice.swift": ""}, None),
    ("layout", "a space in a name", {f"{RELAY}/My Log/A.swift": ""}, "a space"),
    ("layout", "a new name at the top", {"scripts/a.sh": ""}, "scripts is not one"),

    ("imports", "what it may know",
     {"Package.swift": MANIFEST, f"{RELAY}/Home/A.swift": "import SluiceWire\npackage import NIOCore\n"}, None),
    ("imports", "HTTP in the relay", {f"{RELAY}/Home/A.swift": "package import NIOHTTP1\n"}, "NIOHTTP1 may not"),
    ("imports", "a scan in the transport", {"Sources/SluiceHTTP/HTTP1/A.swift": "import SluiceRelay\n"}, "SluiceRelay may not"),
    ("imports", "a token in the transport", {"Sources/SluiceHTTP/TLS/A.swift": "import SluiceAdmission\n"}, "may not be"),
    ("imports", "an attribute in front", {f"{RELAY}/Home/A.swift": "@preconcurrency import NIOSSL\n"}, "NIOSSL may not"),
    ("imports", "one declaration", {f"{RELAY}/Home/A.swift": "import struct Foundation.Date\n"}, "Foundation may not"),
    ("imports", "a commented import", {f"{RELAY}/Home/A.swift": "// import Foundation\n"}, None),
    ("imports", "the C library", {"Sources/SluiceServer/HTTP/A.swift": "internal import Glibc\n"}, "comes by SluiceSystem"),
    ("imports", "another C library",
     {"Sources/SluiceServer/HTTP/A.swift": "#if canImport(Musl)\nprivate import Musl\n#endif\n"}, "comes by SluiceSystem"),
    ("imports", "the C library where it comes in",
     {"Sources/SluiceSystem/Library/A.swift": "@_exported public import Glibc\n"}, None),
    ("imports", "logging in the log", {f"{RELAY}/Log/A.swift": "import Logging\n"}, "Logging may not"),
    ("imports", "more than values in Delivery", {f"{RELAY}/Delivery/A.swift": "import CZlib\n"}, "CZlib may not"),
    ("imports", "more than values in a machine",
     {"Sources/SluiceServer/HTTP/AMachine.swift": "import NIOPosix\n"}, "NIOPosix may not"),
    ("imports", "SQL in the server",
     {"Package.swift": MANIFEST, "Sources/SluiceServer/Gateway/A.swift": "import GRDB\n"}, "may not know GRDB"),
    ("imports", "the server in the client, though declared",
     {"Package.swift": MANIFEST, "Sources/SluiceClient/Run/A.swift": "import SluiceServer\n"}, "may not know"),
    ("imports", "undeclared, though allowed",
     {"Package.swift": MANIFEST, f"{RELAY}/Home/A.swift": "import Logging\n"}, "not declared"),
    ("imports", "an undeclared import of a test",
     {"Package.swift": MANIFEST, "Tests/SluiceRelayTests/A.swift": "import Testing\nimport NIOCore\n"}, "NIOCore may not"),

    ("layers", "to the left",
     {**FLOW, f"{RELAY}/Messages/M.swift": "struct M {}", f"{RELAY}/Log/L.swift": "struct L { let m: M }"}, None),
    ("layers", "to the right",
     {**FLOW, f"{RELAY}/Messages/M.swift": "struct M { let l: [L] }", f"{RELAY}/Log/L.swift": "struct L {}"},
     "Messages names L"),
    ("layers", "in words only",
     {**FLOW, f"{RELAY}/Messages/M.swift": '/// See L.\nstruct M { let l = "L" }', f"{RELAY}/Log/L.swift": "struct L {}"},
     None),
    ("layers", "in an interpolation",
     {**FLOW, f"{RELAY}/Messages/M.swift": 'struct M { let l = "\\(L())" }', f"{RELAY}/Log/L.swift": "struct L {}"},
     "names L"),
    ("layers", "a member of the same name",
     {**FLOW, f"{RELAY}/Messages/M.swift": "struct M { let l: N.L }", f"{RELAY}/Log/L.swift": "struct L {}"}, None),
    ("layers", "a nested type of its own of the same name",
     {**FLOW, f"{RELAY}/Messages/M.swift": "struct M { enum L {}; let l: L }", f"{RELAY}/Log/L.swift": "struct L {}"},
     None),
    ("layers", "an unknown folder", {**FLOW, f"{RELAY}/Utilities/U.swift": "struct U {}"}, "not a folder of"),
    ("layers", "a room that is only drawn", {**FLOW, f"{RELAY}/Log/L.swift": "struct L {}"}, "shows Messages in"),
    ("layers", "neighbours",
     {**picture("SluiceRelay: A B ← C"), f"{RELAY}/A/A.swift": "struct A { let b: B }", f"{RELAY}/B/B.swift": "struct B {}",
      f"{RELAY}/C/C.swift": "struct C {}"}, "A names B"),
    ("layers", "neighbours that may know each other",
     {**picture("SluiceRelay: (A B) ← C"), f"{RELAY}/A/A.swift": "struct A { let b: B }",
      f"{RELAY}/B/B.swift": "struct B { let a: A }", f"{RELAY}/C/C.swift": "struct C {}"}, None),
    ("layers", "the composition root from below",
     {**picture("SluiceServer: (HTTP) ← Gateway"), "Sources/SluiceServer/HTTP/H.swift": "struct H { let g: Gateway }",
      "Sources/SluiceServer/Gateway/Gateway.swift": "struct Gateway {}"}, "HTTP names Gateway"),
    ("layers", "an arrow that is not drawn",
     {**picture("A → \nB →"), "Sources/A/X/A.swift": "import B\n", "Sources/B/X/B.swift": "struct B {}"}, "does not show"),
    ("layers", "an arrow that is only drawn",
     {**picture("A → B\nB →"), "Sources/A/X/A.swift": "struct A {}", "Sources/B/X/B.swift": "struct B {}"}, "nothing there does"),
    ("layers", "arrows that are true",
     {**picture("A → B\nB →"), "Sources/A/X/A.swift": "import B\n", "Sources/B/X/B.swift": "import NIOCore\n"}, None),
    ("layers", "a target that is only drawn", {**picture("A →"), "Sources/B/X/B.swift": ""}, "shows A, which"),
    ("layers", "no picture", {"docs/architecture.md": "# x\n"}, "no block"),
    ("layers", "a line of another form", picture("SluiceRelay Messages"), "neither"),

    ("words", "an open end", {f"{RELAY}/Log/A.swift": "// TO" + "DO: later\n"}, "TO" + "DO"),
    ("words", "an open end in a script", {"deploy/a.sh": "# FIX" + "ME\n"}, "FIX" + "ME"),
    ("words", "clean words", {"docs/a.md": "all that is to do is done\n"}, None),

    ("safety", "a bare claim", {f"{RELAY}/Log/A.swift": "final class A: @unchecked Sendable {}\n"}, "invariant"),
    ("safety", "a claim in an empty line's shade",
     {f"{RELAY}/Log/A.swift": "// Why.\n\nfinal class A: @unchecked Sendable {}\n"}, "invariant"),
    ("safety", "a claim with its reason",
     {f"{RELAY}/Log/A.swift": "// Loop-confined: every entry asserts it.\nfinal class A: @unchecked Sendable {}\n"}, None),
    ("safety", "an unsafe global", {f"{RELAY}/Log/A.swift": "nonisolated(unsafe) var x = 1\n"}, "invariant"),

    ("clock", "a clock in the log", {f"{RELAY}/Log/A.swift": "let t = NIODeadline.now()\n"}, "reads a clock"),
    ("clock", "a clock in a machine", {"Sources/SluiceServer/HTTP/AMachine.swift": "let t = Date()\n"}, "reads a clock"),
    ("clock", "a clock in the driver", {f"{RELAY}/Home/A.swift": "let t = NIODeadline.now()\n"}, None),

    ("traps", "a step from a head", {f"{RELAY}/Log/A.swift": "let a = self.head + 1\n"}, "'head + 1'"),
    ("traps", "a step back from a cursor's raw value",
     {f"{RELAY}/Log/A.swift": "let a = pageCursor.rawValue - 1\n"}, "next, previous"),
    ("traps", "a wrapping step", {f"{RELAY}/Log/A.swift": "let a = stored.through &+ 1\n"}, "next, previous"),
    ("traps", "a step of a seq turned into another number",
     {f"{RELAY}/Log/A.swift": "let a = Int(entry.seq) - 1\n"}, "next, previous"),
    ("traps", "neighbours and distances",
     {f"{RELAY}/Log/A.swift": "let a = head.next\nlet b = first.distance(to: seq) + 1\nlet c = ahead + 1\n"}, None),
    ("traps", "steps of other size or of other things",
     {f"{RELAY}/Log/A.swift": "let a = head + 10\nlet b = index + 1\n// head + 1\n"}, None),
    ("traps", "a seq's own steps", {f"{RELAY}/Log/Seq.swift": "let a = seq + 1\n"}, None),
    ("traps", "a parameter of type Double",
     {f"{RELAY}/Log/A.swift": "func f(x: Double) -> Int { Int(x) }\n"}, "clamping or exactly"),
    ("traps", "an optional property of type Double",
     {f"{RELAY}/Log/A.swift": "var x: Double?\nlet a = x.map { Int64(min($0, x)) }\n"}, "clamping or exactly"),
    ("traps", "what was rounded", {f"{RELAY}/Log/A.swift": "let a = UInt64(f(x).rounded())\n"}, "clamping or exactly"),
    ("traps", "what was made of a Double",
     {f"{RELAY}/Log/A.swift": "let b = n * Double(m)\nlet a = Int(b)\n"}, "clamping or exactly"),
    ("traps", "a fraction as a default", {f"{RELAY}/Log/A.swift": "var x = 0.5\nlet a = Int(x * 2)\n"}, "clamping or exactly"),
    ("traps", "a rate by its name", {f"{RELAY}/Log/A.swift": "let a = Int(member.rate)\n"}, "clamping or exactly"),
    ("traps", "conversions that cannot trap",
     {f"{RELAY}/Log/A.swift": "func f(x: Double) { Int(clamping: x); Int(exactly: x.rounded()) }\n"}, None),
    ("traps", "whole numbers",
     {f"{RELAY}/Log/A.swift": "let x: Double = 1\nlet a = Int(byte)\nlet b = Int(rate.nanoseconds / 1000)\n"}, None),

    ("scripts", "strict and executable", {".ci/a": "#!/usr/bin/env bash\nset -euo pipefail\n"}, None),
    ("scripts", "careless", {".ci/a": "#!/usr/bin/env bash\n"}, "pipefail"),
    ("scripts", "without a first line", {"deploy/a.sh": "echo\n"}, "first line"),
    ("scripts", "not executable", {"deploy/b.sh": "#!/bin/sh\n", "deploy/b.sh#mode": "644"}, "not executable"),
]


def failure(tree_type, check, files, expected):
    """What is wrong with a check's verdict on one case, or None."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            if name.endswith("#mode"):
                os.chmod(Path(folder) / name.removesuffix("#mode"), int(content, 8))
                continue
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            path.chmod(0o755)
        found = [text for _, _, text in check(tree_type(folder))]
    if expected is None:
        return f"found {found}" if found else None
    return None if any(expected in text for text in found) else f"wanted {expected!r}, found {found}"


def run(tree_type, checks):
    """Runs every case; 0 when all verdicts are right and every check has a case that it finds."""
    failed = 0
    for name, about, files, expected in CASES:
        problem = failure(tree_type, checks[name], files, expected)
        if problem:
            failed += 1
            print(f"{name}: {about}: {problem}", file=sys.stderr)
    for name in checks:
        if not any(case[0] == name and case[3] for case in CASES):
            failed += 1
            print(f"{name}: no case that it finds", file=sys.stderr)
    print(f"{len(CASES)} cases, {failed} failed")
    return 1 if failed else 0
