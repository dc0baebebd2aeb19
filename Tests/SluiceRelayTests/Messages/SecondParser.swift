import Foundation

/// The verdict of another strict parser, Python's, on documents, by a second version of the same rules for messages.
enum SecondParser {
    enum Verdict: Equatable {
        /// Not JSON, or not a message or an array.
        case invalid
        /// The message at this index breaks rules; any of these codes is right.
        case faulty(index: Int, codes: Set<String>)
        /// Taken: of each message its type in hexadecimal and whether it has a `scanId`.
        case accepted([String])
    }

    struct Failure: Error {
        let status: Int32
    }

    /// The verdicts on documents posted to the scan `abc-123`, in their order, from one process.
    static func judge(_ documents: [[UInt8]]) throws -> [Verdict] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("documents-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(documents.map { $0.hexadecimal + "\n" }.joined().utf8).write(to: file)

        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", self.program, file.path]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
        return text.split(separator: "\n").map { self.verdict($0) }
    }

    private static func verdict(_ line: Substring) -> Verdict {
        let words = line.split(separator: " ").map(String.init)
        switch words[0] {
        case "accepted": return .accepted(Array(words.dropFirst()))
        case "faulty": return .faulty(index: Int(words[1]) ?? -1, codes: Set(words.dropFirst(2)))
        default: return .invalid
        }
    }

    private static let program = #"""
        import json, sys

        RESERVED = {"batch", "lag", "subscribed", "unsubscribed", "ack", "pong", "tokenExpiring", "scanStalled",
                    "scanResumed"}

        class Members(list):
            pass

        def refuse(text):
            raise ValueError(text)

        decoder = json.JSONDecoder(object_pairs_hook=Members, parse_constant=refuse,
                                   parse_int=lambda text: 0, parse_float=lambda text: 0.0)

        def depth(value):
            deepest, open_values = 0, [(value, 1)]
            while open_values:
                value, level = open_values.pop()
                if isinstance(value, list):
                    deepest = max(deepest, level)
                    inner = [pair[1] for pair in value] if isinstance(value, Members) else value
                    open_values.extend((each, level + 1) for each in inner)
            return deepest

        def is_text(value):
            return not any(0xD800 <= ord(each) <= 0xDFFF for each in value)

        def faults(message):
            if not isinstance(message, Members):
                return {"invalid_message"}
            found = set()
            types = [value for name, value in message if name == "type"]
            ids = [value for name, value in message if name == "scanId"]
            if any(name == "seq" for name, value in message):
                found.add("reserved_field")
            if depth(message) > 64 or len(types) != 1 or len(ids) > 1:
                found.add("invalid_message")
            for value in types:
                if not isinstance(value, str) or not is_text(value) or not 1 <= len(value) <= 128:
                    found.add("invalid_message")
                elif any(ord(each) < 0x20 or 0x7F <= ord(each) <= 0x9F for each in value):
                    found.add("invalid_message")
                elif value in RESERVED:
                    found.add("reserved_type")
            for value in ids:
                if isinstance(value, str) and not is_text(value):
                    found.add("invalid_message")
                elif value != "abc-123":
                    found.add("scan_id_mismatch")
            return found

        def judge(document):
            try:
                value = decoder.decode(document.decode("utf-8", "strict"))
            except (ValueError, RecursionError):
                return "invalid"
            if not isinstance(value, list):
                return "invalid"
            messages = [value] if isinstance(value, Members) else value
            taken = []
            for index, message in enumerate(messages):
                found = faults(message)
                if found:
                    return "faulty %d %s" % (index, " ".join(sorted(found)))
                members = dict(message)
                taken.append("%s:%s" % (members["type"].encode().hex(), "scanId" in members))
            return " ".join(["accepted"] + taken)

        with open(sys.argv[1]) as documents:
            for line in documents:
                print(judge(bytes.fromhex(line.strip())))
        """#
}

extension Sequence<UInt8> {
    /// Two lower-case digits a byte.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef")
        return String(self.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
