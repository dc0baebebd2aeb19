import SluiceBase

/// Reads nikto's default output: the target, then one line per finding.
struct NiktoTextReader: Sendable {
    private var ip: String?
    private var host: String?
    private var port: Int?

    /// The beginnings of lines that are about the run, and not findings.
    private static let notices = [
        "Start Time:", "End Time:", "SSL Info:", "Site Link", "Scan terminated", "No web server found",
        "No CGI Directories found", "CGI tests", "Platform:", "ERROR:", "Multiple IPs found:", "Your Nikto",
    ]

    /// Reads one line.
    ///
    /// - Returns: The messages of the line; nil where it is about the run.
    mutating func read(_ line: String) -> [ProgressMessage]? {
        guard line.hasPrefix("+ ") else { return nil }
        let text = line.dropFirst(2)
        if let value = Self.value(of: "Target IP:", in: text) {
            self.ip = value
            self.host = nil
            self.port = nil
            return []
        }
        if let value = Self.value(of: "Target Hostname:", in: text) ?? Self.value(of: "Target Host:", in: text) {
            self.host = value
            return []
        }
        if let value = Self.value(of: "Target Port:", in: text) {
            self.port = Int(value)
            return []
        }
        // `7672 requests: 0 error(s) and 2 item(s) reported on remote host`, `1 host(s) tested`
        let isSummary =
            text.first?.isNumber == true && (text.contains(" requests: ") || text.contains("host(s) tested"))
        guard self.ip ?? self.host != nil, !isSummary, !Self.notices.contains(where: { text.hasPrefix($0) }) else {
            return nil
        }
        return [self.finding(text)]
    }

    private static func value(of name: String, in text: Substring) -> String? {
        guard text.hasPrefix(name) else { return nil }
        let value = text.dropFirst(name.count).drop { $0 == " " }
        return value.isEmpty ? nil : String(value)
    }

    /// Reads `OSVDB-3092: /admin/: This might be interesting. See: https://…`, `[999100] /: …`, `Server: nginx`.
    private func finding(_ text: Substring) -> ProgressMessage {
        var rest = text
        var template: Substring?
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            template = rest[..<end].dropFirst()
            rest = rest[end...].dropFirst().drop { $0 == " " }
        } else if rest.hasPrefix("OSVDB-"), let end = rest.firstIndex(of: ":") {
            template = rest[..<end]
            rest = rest[end...].dropFirst().drop { $0 == " " }
        }
        var reference: Substring?
        if let see = rest.firstRange(of: " See: ") {
            reference = rest[see.upperBound...]
            rest = rest[..<see.lowerBound]
        }
        var path: Substring?
        if rest.hasPrefix("/"), let end = rest.firstRange(of: ": ") {
            path = rest[..<end.lowerBound]
            rest = rest[end.upperBound...]
        }
        return ProgressMessage("vulnerabilityFound") { object in
            object.member("template", ifPresent: template.map(String.init))
            object.member("name", String(rest))
            object.member("host", ifPresent: self.host)
            object.member("ip", ifPresent: self.ip)
            object.member("port", ifPresent: self.port)
            object.member("path", ifPresent: path.map(String.init))
            object.member("reference", ifPresent: reference.map(String.init))
        }
    }
}
