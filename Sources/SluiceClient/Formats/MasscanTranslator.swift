import SluiceBase

/// Translates every output of masscan except the binary one: JSON (`-oJ -`), NDJSON (`-oD -`), XML (`-oX -`), greppable
/// (`-oG -`), a list (`-oL -`), its default output, and its status line.
struct MasscanTranslator: OutputTranslator {
    private var findings = NmapFindings()
    private var xml = NmapXMLReader()

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        if NmapXMLReader.recognises(line) { return self.xml.read(line, findings: &self.findings) }
        if let progress = Self.progress(in: line) { return progress }
        if let objects = RecordLine.objects(in: line) {
            return self.records(objects, of: line)
        }
        let text = line.text
        if GreppableReader.recognises(text) { return GreppableReader.read(line, findings: &self.findings) }
        // The first and the last line of a list, and the last element of an array in older versions, which is not JSON.
        if ["#masscan", "# end", "{finished: 1}"].contains(text) { return [] }
        let words = text.split(separator: " ")
        if words.count >= 6, words[0] == "Discovered", words[2] == "port", words[4] == "on" {
            return self.discovered(words)
        }
        if words.count >= 6, text.hasPrefix("Banner on port ") {
            return self.printedBanner(words)
        }
        return words.count >= 4 ? self.listEntry(words) : nil
    }

    /// Reads records; the line itself is added if one of them cannot be read.
    private mutating func records(_ objects: [JSONNode], of line: OutputLine) -> [ProgressMessage]? {
        var messages: [ProgressMessage] = []
        var isUnderstood = true
        for node in objects {
            if let found = self.record(node) { messages += found } else { isUnderstood = false }
        }
        if !isUnderstood, messages.isEmpty { return nil }
        return messages + (isUnderstood ? [] : [.line(line)])
    }

    private mutating func record(_ node: JSONNode) -> [ProgressMessage]? {
        guard let ip = node["ip"]?.string else { return nil }
        var messages: [ProgressMessage] = []
        // The array form holds a list of ports; NDJSON holds one port, with its state or banner under `data`.
        for entry in node["ports"]?.elements ?? [node] {
            guard let number = entry["port"]?.scalarText.flatMap({ Int($0) }) else { return nil }
            let port = NmapFindings.Port(ip: ip, number: number, protocol: entry["proto"]?.string ?? "tcp")
            let data = entry["data"]
            if let service = entry["service"] ?? (entry["rec_type"]?.string == "banner" ? data : nil) {
                let name = service["name"]?.string ?? service["service_name"]?.string ?? "unknown"
                messages += self.banner(service["banner"]?.string, service: name, on: port)
            } else {
                let state = entry["status"]?.string ?? data?["status"]?.string ?? "open"
                messages += self.found(port, state: state)
            }
        }
        return messages
    }

    /// Reads `Discovered open port 80/tcp on 10.0.0.1`, and `Discovered up port 0/arp on 10.0.0.1 (…) …` of an ARP
    /// scan.
    private mutating func discovered(_ words: [Substring]) -> [ProgressMessage]? {
        guard let port = Self.port(words[3], ip: words[5]) else { return nil }
        return self.found(port, state: String(words[1]))
    }

    /// Reads `Banner on port 22/tcp on 10.0.0.1: [ssh] SSH-2.0-OpenSSH_9.2`.
    private mutating func printedBanner(_ words: [Substring]) -> [ProgressMessage]? {
        guard words[5].hasSuffix(":"), words.count >= 7, words[6].hasPrefix("["), words[6].hasSuffix("]"),
            let port = Self.port(words[3], ip: words[5].dropLast())
        else { return nil }
        let text = words[7...].joined(separator: " ")
        return self.banner(text, service: String(words[6].dropFirst().dropLast()), on: port)
    }

    /// Reads `open tcp 80 10.0.0.1 1560000000`, `banner tcp 80 10.0.0.1 1560000000 http text`.
    private mutating func listEntry(_ words: [Substring]) -> [ProgressMessage]? {
        guard let number = Int(words[2]), words.count >= 5 else { return nil }
        let port = NmapFindings.Port(ip: String(words[3]), number: number, protocol: String(words[1]))
        switch words[0] {
        case "open", "closed", "up":
            return self.found(port, state: String(words[0]))
        case "banner" where words.count >= 6:
            return self.banner(words[6...].joined(separator: " "), service: String(words[5]), on: port)
        default:
            return nil
        }
    }

    private static func port(_ place: Substring, ip: Substring) -> NmapFindings.Port? {
        let parts = place.split(separator: "/")
        guard parts.count == 2, let number = Int(parts[0]) else { return nil }
        return NmapFindings.Port(ip: String(ip), number: number, protocol: String(parts[1]))
    }

    private mutating func found(_ port: NmapFindings.Port, state: String) -> [ProgressMessage] {
        // A host that answers ARP has no port.
        if state == "up" { return self.findings.host(ip: port.ip, name: nil) }
        guard state == "open" else { return [] }
        return self.findings.host(ip: port.ip, name: nil) + self.findings.port(port, state: state)
    }

    private mutating func banner(
        _ text: String?,
        service name: String,
        on port: NmapFindings.Port
    ) -> [ProgressMessage] {
        self.found(port, state: "open") + self.findings.banner(text, service: name, on: port)
    }
}

// MARK: - Progress

extension MasscanTranslator {
    /// The progress of masscan; nil where the line has none.
    static func progress(in line: OutputLine) -> [ProgressMessage]? {
        if line.bytes.starts(with: "{\"state\":\"".utf8) {
            return RecordLine.objects(in: line)?.first?["progress"].map { self.statusRecord($0) }
        }
        return line.bytes.starts(with: "rate:".utf8) ? self.status(line.text) : nil
    }

    /// Reads `rate:  0.10-kpps, 12.34% done,   0:00:10 remaining, found=3`; an endless scan has no percentage.
    private static func status(_ text: String) -> [ProgressMessage]? {
        let fields = text.split(separator: ",").map { field in field.drop { $0 == " " } }
        guard fields[0].hasSuffix("-kpps") else { return nil }
        guard let done = fields.first(where: { $0.hasSuffix("% done") }), let percent = Double(finite: done.dropLast(6))
        else { return [] }
        let remaining = fields.first { $0.hasSuffix(" remaining") }.flatMap { NmapTextReader.seconds($0.dropLast(10)) }
        let found = fields.first { $0.hasPrefix("found=") }.flatMap { Int($0.dropFirst(6).prefix { $0.isNumber }) }
        return [self.message(percent: percent, remaining: remaining, found: found)]
    }

    /// Reads `{"percent":9.77,"eta":{"hours":0,"mins":0,"seconds":55},"found":27,…}` (`--status-json`).
    private static func statusRecord(_ node: JSONNode) -> [ProgressMessage] {
        guard let percent = node["percent"]?.number else { return [] }
        let lengths = [("hours", 3600.0), ("mins", 60), ("seconds", 1)]
            .compactMap { name, length in node["eta"]?[name]?.number.map { $0 * length } }
        let remaining = lengths.count == 3 ? Int(clamping: lengths.reduce(0, +)) : nil
        return [self.message(percent: percent, remaining: remaining, found: node["found"]?.integer)]
    }

    private static func message(percent: Double, remaining: Int?, found: Int?) -> ProgressMessage {
        ProgressMessage("scanProgress", phase: "masscan") { object in
            object.member("percent", min(max(percent, 0), 100))
            object.member("remaining", ifPresent: remaining)
            object.member("found", ifPresent: found)
        }
    }
}
