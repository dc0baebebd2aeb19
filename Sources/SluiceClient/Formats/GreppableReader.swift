/// Reads the greppable output of nmap and masscan (`-oG -`): one host per line, its fields separated by tabs.
struct GreppableReader: Sendable {
    private var messages: [ProgressMessage] = []
    private var isUnderstood = true

    private init() {}

    /// Whether a line is of this form.
    static func recognises(_ text: String) -> Bool {
        text.hasPrefix("Host: ") || (text.hasPrefix("Timestamp: ") && text.contains("\tHost: "))
    }

    /// Reads one line.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - findings: The findings so far.
    /// - Returns: The messages of the line, and the line itself where not all of it is understood; nil where none of it
    ///   is.
    static func read(_ line: OutputLine, findings: inout NmapFindings) -> [ProgressMessage]? {
        var reader = GreppableReader()
        guard reader.read(line.text, findings: &findings) else { return nil }
        return reader.messages + (reader.isUnderstood ? [] : [.line(line)])
    }

    private mutating func read(_ text: String, findings: inout NmapFindings) -> Bool {
        var fields: [String: Substring] = [:]
        for field in text.split(separator: "\t") {
            guard let colon = field.firstIndex(of: ":") else { return false }
            fields[String(field[..<colon])] = field[colon...].dropFirst().drop { $0 == " " }
        }
        guard let host = fields.removeValue(forKey: "Host"), let ip = host.split(separator: " ").first.map(String.init)
        else { return false }
        let name = host.split(separator: "(").dropFirst().first?.split(separator: ")").first.map(String.init)
        // The other known fields are about sequence numbers, and about ports in a state of no interest.
        for known in ["Timestamp", "Ignored State", "Seq Index", "IP ID Seq"] { fields[known] = nil }
        switch fields.removeValue(forKey: "Status") {
        case "Up"?:
            self.messages += findings.host(ip: ip, name: name)
        case nil, "Down"?:
            break
        default:
            self.isUnderstood = false
        }
        let ports = fields.removeValue(forKey: "Ports") ?? fields.removeValue(forKey: "Protocols") ?? ""
        for entry in Self.entries(of: ports) { self.port(entry, ip: ip, name: name, findings: &findings) }
        self.banner(&fields, ip: ip, name: name, findings: &findings)
        if let system = fields.removeValue(forKey: "OS")?.split(separator: "|").first {
            self.messages += findings.operatingSystem(String(system), accuracy: nil, ip: ip)
        }
        if !fields.isEmpty { self.isUnderstood = false }
        return true
    }

    /// Splits after `/, `, because a field may contain a comma, but no slash.
    private static func entries(of text: Substring) -> [Substring] {
        var entries: [Substring] = []
        var start = text.startIndex
        var index = start
        while index < text.endIndex {
            if text[index...].hasPrefix("/, ") {
                entries.append(text[start...index])
                index = text.index(index, offsetBy: 3)
                start = index
            } else {
                index = text.index(after: index)
            }
        }
        if start < text.endIndex { entries.append(text[start...]) }
        return entries
    }

    /// Reads `22/open/tcp//ssh//OpenSSH 9.2p1 (protocol 2.0)/`, and `6/open/tcp/` of a protocol scan.
    private mutating func port(_ entry: Substring, ip: String, name: String?, findings: inout NmapFindings) {
        let fields = entry.split(separator: "/", omittingEmptySubsequences: false)
        guard fields.count >= 3, let number = Int(fields[0]), (0...65_535).contains(number) else {
            self.isUnderstood = false
            return
        }
        let state = String(fields[1])
        guard state.hasPrefix("open") else { return }
        let isPort = fields.count >= 7
        let port = NmapFindings.Port(ip: ip, number: number, protocol: isPort ? String(fields[2]) : "ip")
        let service = isPort ? String(fields[4].prefix { $0 != "?" }) : String(fields[2])
        self.messages += findings.host(ip: ip, name: name)
        self.messages += findings.port(port, state: state, service: service)
        if isPort, !fields[6].isEmpty {
            self.messages += findings.service(NmapTextReader.service(service, described: fields[6]), on: port)
        }
    }

    /// Reads masscan's `Port: 80`, `Service: http`, `Banner: text`.
    private mutating func banner(
        _ fields: inout [String: Substring],
        ip: String,
        name: String?,
        findings: inout NmapFindings
    ) {
        guard let text = fields["Banner"], let number = fields["Port"].flatMap({ Int($0) }) else { return }
        let service = fields["Service"].map(String.init) ?? "unknown"
        for known in ["Banner", "Port", "Service"] { fields[known] = nil }
        let port = NmapFindings.Port(ip: ip, number: number, protocol: "tcp")
        self.messages += findings.host(ip: ip, name: name) + findings.port(port, state: "open")
        self.messages += findings.banner(String(text), service: service, on: port)
    }
}
