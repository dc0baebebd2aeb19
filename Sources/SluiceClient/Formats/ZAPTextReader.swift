import SluiceBase

/// Reads the default output of ZAP's packaged scans: an alert, and below it the addresses where it was raised.
struct ZAPTextReader: Sendable {
    private struct Alert: Sendable {
        let template: String
        let name: String
        let count: Int?
        var isTold = false
    }

    private var alert: Alert?

    /// Reads one line.
    ///
    /// - Returns: The messages of the line; nil where it is not understood. An alert is held back until it is clear
    ///   whether addresses follow.
    mutating func read(_ line: String) -> [ProgressMessage]? {
        if line.hasPrefix("\t"), let alert = self.alert, let finding = Self.finding(alert, at: line.dropFirst()) {
            self.alert?.isTold = true
            return [finding]
        }
        if line.hasPrefix("PASS: ") { return self.finish() }
        guard let alert = Self.alert(line) else { return nil }
        let messages = self.finish()
        self.alert = alert
        return messages
    }

    /// Reports an alert that no address follows.
    mutating func finish() -> [ProgressMessage] {
        defer { self.alert = nil }
        guard let alert, !alert.isTold else { return [] }
        return [
            ProgressMessage("vulnerabilityFound") { object in
                object.member("template", alert.template)
                object.member("name", alert.name)
                object.member("count", ifPresent: alert.count)
            }
        ]
    }

    /// Reads `WARN-NEW: Cookie No HttpOnly Flag [10010] x 4`.
    private static func alert(_ line: String) -> Alert? {
        let beginnings = ["WARN-NEW: ", "FAIL-NEW: ", "WARN-INPROG: ", "FAIL-INPROG: ", "INFO: "]
        guard let beginning = beginnings.first(where: { line.hasPrefix($0) }), let open = line.lastIndex(of: "["),
            let close = line[open...].firstIndex(of: "]")
        else { return nil }
        let template = line[open..<close].dropFirst()
        guard !template.isEmpty, template.allSatisfy({ $0.isNumber || $0 == "-" }) else { return nil }
        let name = line[..<open].dropFirst(beginning.count).split(separator: " ").joined(separator: " ")
        let count = line[close...].split(separator: " ").last.flatMap { Int($0) }
        return Alert(template: String(template), name: name, count: count)
    }

    /// Reads `http://a.example/ (200 OK)`.
    private static func finding(_ alert: Alert, at text: Substring) -> ProgressMessage? {
        let address = text.prefix { $0 != " " }
        guard address.hasPrefix("http") else { return nil }
        let place = HostAndPort(String(address), port: nil)
        let status = text.dropFirst(address.count).drop { $0 == " " || $0 == "(" }.prefix { $0.isNumber }
        return ProgressMessage("vulnerabilityFound") { object in
            object.member("template", alert.template)
            object.member("name", alert.name)
            object.member("host", place.host)
            object.member("port", ifPresent: place.port)
            object.member("matchedAt", String(address))
            object.member("status", ifPresent: Int(status))
        }
    }
}
