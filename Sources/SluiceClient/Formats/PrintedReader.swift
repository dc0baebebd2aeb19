import SluiceBase

/// Reads the default output of the table's scanners.
struct PrintedReader: Sendable {
    private let format: ScanFormat
    private var nikto = NiktoTextReader()
    private var zap = ZAPTextReader()
    private var zmapColumns = ["saddr"]

    /// A reader that has not seen anything.
    init(format: ScanFormat) {
        self.format = format
    }

    /// Reads a line.
    ///
    /// - Returns: The messages of the line; nil where it is not understood.
    mutating func read(_ line: OutputLine, findings: inout NmapFindings) -> [ProgressMessage]? {
        let isScanner = self.format != .ndjson && self.format != .lines
        guard isScanner, line.bytes.count <= OutputLine.maximumTextBytes else { return nil }
        let text = DisplayText.withoutColours(line.text)
        switch self.format {
        case .httpx:
            return Self.probe(text)
        case .naabu:
            return Self.port(text, findings: &findings)
        case .ffuf:
            return Self.result(text)
        case .feroxbuster:
            return Self.response(text)
        case .nikto:
            return self.nikto.read(text)
        case .zap:
            return self.zap.read(text)
        case .zmap:
            return self.reply(text, findings: &findings)
        default:
            return nil
        }
    }

    /// Returns what was held back, where the output has ended or goes on with something else.
    mutating func finish() -> [ProgressMessage] { self.zap.finish() }

    /// Reads `https://a.example:8443 [200] [Login] [nginx]`; httpx's options decide which brackets there are.
    private static func probe(_ text: String) -> [ProgressMessage]? {
        guard text.hasPrefix("http://") || text.hasPrefix("https://") else { return nil }
        let address = String(text.prefix { $0 != " " })
        let details = text.dropFirst(address.count).drop { $0 == " " }
        let place = HostAndPort(address, port: nil)
        // With -probe httpx also names addresses that did not answer.
        guard !details.hasPrefix("[FAILED]"), !place.host.isEmpty else { return nil }
        let isSecure = address.hasPrefix("https:")
        return [
            ProgressMessage("serviceDetected") { object in
                object.member("hostname", place.host)
                object.member("port", place.port ?? (isSecure ? 443 : 80))
                object.member("protocol", "tcp")
                object.member("service", isSecure ? "https" : "http")
                object.member("details", ifPresent: String(details))
                object.member("matchedAt", address)
            }
        ]
    }

    /// Reads `a.example:8443`, which may be followed by the name of a content delivery network in brackets.
    private static func port(_ text: String, findings: inout NmapFindings) -> [ProgressMessage]? {
        let place = text.prefix { $0 != " " }
        let rest = text.dropFirst(place.count)
        guard rest.isEmpty || (rest.hasPrefix(" [") && rest.hasSuffix("]")), let colon = place.lastIndex(of: ":"),
            let port = Int(place[colon...].dropFirst()), (1...65_535).contains(port)
        else { return nil }
        let host = String(place[..<colon])
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "/") }) else { return nil }
        return findings.open(ip: host, name: nil, port: port, protocol: "tcp")
    }

    /// Reads `admin    [Status: 301, Size: 178, Words: 6, Lines: 8, Duration: 2ms]`.
    private static func result(_ text: String) -> [ProgressMessage]? {
        guard let open = text.firstRange(of: "[Status: "), text.hasSuffix("]") else { return nil }
        let input = text[..<open.lowerBound].split(separator: " ").joined(separator: " ")
        var numbers: [String: Int] = [:]
        for field in text[open.lowerBound...].dropFirst().dropLast().split(separator: ",") {
            let parts = field.split(separator: ":")
            guard parts.count == 2 else { return nil }
            let digits = parts[1].filter(\.isNumber)
            numbers[parts[0].filter { $0 != " " }] = Int(digits)
        }
        guard let status = numbers["Status"] else { return nil }
        return [
            ProgressMessage("pathFound") { object in
                object.member("path", input)
                object.member("status", status)
                object.member("length", ifPresent: numbers["Size"])
                object.member("words", ifPresent: numbers["Words"])
                object.member("lines", ifPresent: numbers["Lines"])
            }
        ]
    }

    /// Reads `301      GET        7l       11w      169c http://h/x => http://h/x/`; older versions print no method.
    private static func response(_ text: String) -> [ProgressMessage]? {
        var words = text.split(separator: " ")[...]
        guard let status = words.popFirst().flatMap({ Int($0) }), (100...599).contains(status) else { return nil }
        let method = words.first?.allSatisfy(\.isLetter) == true ? words.popFirst() : nil
        var counts: [Int] = []
        for unit in ["l", "w", "c"] {
            guard let word = words.popFirst(), word.hasSuffix(unit), let count = Int(word.dropLast()) else {
                return nil
            }
            counts.append(count)
        }
        guard let address = words.popFirst(), address.hasPrefix("http") else { return nil }
        let place = HostAndPort(String(address), port: nil)
        return [
            ProgressMessage("pathFound") { object in
                object.member("host", place.host)
                object.member("port", ifPresent: place.port)
                object.member("matchedAt", String(address))
                object.member("method", ifPresent: method.map(String.init))
                object.member("status", status)
                object.member("length", counts[2])
                object.member("words", counts[1])
                object.member("lines", counts[0])
                if words.count == 2, words.first == "=>" {
                    object.member("redirect", String(words[words.endIndex - 1]))
                }
            }
        ]
    }

    /// Reads a row of zmap's table, or the row of names before it, which some versions do not print.
    private mutating func reply(_ text: String, findings: inout NmapFindings) -> [ProgressMessage]? {
        let values = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        if values.contains("saddr") {
            self.zmapColumns = values
            return []
        }
        guard values.count == self.zmapColumns.count else { return nil }
        let row = Dictionary(zip(self.zmapColumns, values)) { first, _ in first }
        guard let ip = row["saddr"], IPAddress(ip) != nil else { return nil }
        guard !["0", "false"].contains(row["success"] ?? "") else { return [] }
        return findings.open(
            ip: ip,
            name: nil,
            port: row["sport"].flatMap { Int($0) },
            protocol: row["classification"]
        )
    }
}

// MARK: - Progress

extension PrintedReader {
    /// The progress of a scanner of the table; nil where the line has none.
    static func progress(in line: OutputLine) -> [ProgressMessage]? {
        guard line.bytes.count < 1024, line.bytes.contains(UInt8(ascii: ":")) else { return nil }
        let text = DisplayText.withoutColours(line.text)
        if text.hasPrefix(":: Progress: [") { return self.requests(text) }
        if text.contains("; send: "), text.contains("; recv: ") { return self.packets(text) }
        return nil
    }

    /// Reads `:: Progress: [120/4614] :: Job [1/1] :: 40 req/sec :: Duration: [0:00:03] :: Errors: 0 ::`.
    private static func requests(_ text: String) -> [ProgressMessage]? {
        let fields = text.split(separator: "::")
        let numbers = fields.first?.split { !$0.isNumber }.compactMap { Int($0) } ?? []
        guard numbers.count == 2, numbers[1] > 0 else { return nil }
        let errors = fields.first { $0.hasPrefix(" Errors: ") }.flatMap { Int($0.filter(\.isNumber)) }
        return [
            ProgressMessage("scanProgress", phase: "ffuf") { object in
                object.member("percent", min(100, 100 * Double(numbers[0]) / Double(numbers[1])))
                object.member("requests", numbers[0])
                object.member("total", numbers[1])
                object.member("errors", ifPresent: errors)
            }
        ]
    }

    /// Reads ` 0:05 5% (1m35s left); send: 3621 0 p/s (714 p/s avg); recv: 3 0 p/s (0 p/s avg); …`.
    private static func packets(_ text: String) -> [ProgressMessage]? {
        let head = text.prefix { $0 != ";" }.split(separator: " ")
        guard head.count >= 2, head[1].hasSuffix("%"), let percent = Double(finite: head[1].dropLast()) else {
            return nil
        }
        let remaining = head.count == 4 && head[3] == "left)" ? self.seconds(head[2].dropFirst()) : nil
        let received = text.split(separator: ";").first { $0.hasPrefix(" recv: ") }?.split(separator: " ")
        return [
            ProgressMessage("scanProgress", phase: "zmap") { object in
                object.member("percent", min(max(percent, 0), 100))
                object.member("remaining", ifPresent: remaining)
                object.member("found", ifPresent: received.flatMap { $0.count > 1 ? Int($0[1]) : nil })
            }
        ]
    }

    /// Reads `1h20m05s`, `1m35s`, `40s`.
    private static func seconds(_ text: Substring) -> Int? {
        var total = 0
        var digits = ""
        for character in text {
            if character.isNumber {
                digits.append(character)
            } else {
                guard let unit = ["d": 86_400, "h": 3600, "m": 60, "s": 1][character], let count = Int(digits),
                    count < 100_000
                else { return nil }
                total += count * unit
                digits = ""
            }
        }
        return digits.isEmpty ? total : nil
    }
}
