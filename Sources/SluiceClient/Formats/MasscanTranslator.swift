/// masscan's JSON (`-oJ -`), NDJSON (`-oD -`) and list (`-oL -`) output, the lines that it prints without any of
/// them, and its status line.
struct MasscanTranslator: OutputTranslator {
    private var findings = NmapFindings()

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage] {
        let text = line.text
        if let start = text.utf8.first, start == UInt8(ascii: "{") || start == UInt8(ascii: ",") {
            return self.record(text)
        }
        if text.hasPrefix("rate:") {
            return self.status(text)
        }
        let words = text.split(separator: " ")
        if text.hasPrefix("Discovered open port "), words.count == 6 {
            let place = words[3].split(separator: "/")
            guard place.count == 2, let port = Int(place[0]) else { return [] }
            return self.found(ip: String(words[5]), port: port, protocol: String(place[1]), state: "open")
        }
        if words.count >= 4, let port = Int(words[2]) {
            return self.listEntry(words, port: port)
        }
        return []
    }

    /// One line of JSON: masscan ends it with a comma in an array, and none in NDJSON.
    private mutating func record(_ text: String) -> [ProgressMessage] {
        var bytes = Array(text.utf8)
        while let last = bytes.last, last == UInt8(ascii: ",") || last == 0x20 { bytes.removeLast() }
        while let first = bytes.first, first == UInt8(ascii: ",") || first == 0x20 { bytes.removeFirst() }
        guard let node = try? JSONParser.parse(bytes), let ip = node["ip"]?.string else { return [] }
        var messages: [ProgressMessage] = []
        // The array form holds a list of ports, NDJSON one port, its state or banner under `data`.
        for entry in node["ports"]?.elements ?? [node] {
            guard let port = entry["port"]?.scalarText.flatMap({ Int($0) }) else { continue }
            let name = entry["proto"]?.string ?? "tcp"
            let data = entry["data"]
            if let service = entry["service"] ?? (entry["rec_type"]?.string == "banner" ? data : nil) {
                messages += self.banner(
                    ip: ip,
                    port: port,
                    protocol: name,
                    service: service["name"]?.string ?? service["service_name"]?.string ?? "unknown",
                    text: service["banner"]?.string
                )
            } else {
                let state = entry["status"]?.string ?? data?["status"]?.string ?? "open"
                messages += self.found(ip: ip, port: port, protocol: name, state: state)
            }
        }
        return messages
    }

    /// Reads `open tcp 80 192.168.1.1 1560000000`, `banner tcp 80 192.168.1.1 1560000000 http text`.
    private mutating func listEntry(_ words: [Substring], port: Int) -> [ProgressMessage] {
        let name = String(words[1])
        let ip = String(words[3])
        switch words[0] {
        case "open":
            return self.found(ip: ip, port: port, protocol: name, state: "open")
        case "banner" where words.count >= 6:
            let text = words[6...].joined(separator: " ")
            return self.banner(ip: ip, port: port, protocol: name, service: String(words[5]), text: text)
        default:
            return []
        }
    }

    private mutating func found(ip: String, port: Int, protocol name: String, state: String) -> [ProgressMessage] {
        guard state == "open" else { return [] }
        let place = NmapFindings.Port(ip: ip, number: port, protocol: name)
        return self.findings.host(ip: ip, name: nil) + self.findings.port(place, state: state)
    }

    private mutating func banner(
        ip: String,
        port: Int,
        protocol name: String,
        service: String,
        text: String?
    ) -> [ProgressMessage] {
        let place = NmapFindings.Port(ip: ip, number: port, protocol: name)
        let details = text.map { String(decoding: $0.utf8.prefix(OutputLine.maximumTextBytes), as: UTF8.self) }
        return self.found(ip: ip, port: port, protocol: name, state: "open")
            + self.findings.service(
                NmapFindings.Service(name: service, product: nil, version: nil, details: details),
                on: place
            )
    }

    /// Reads `rate:  0.10-kpps, 12.34% done,   0:00:10 remaining, found=3`.
    private func status(_ text: String) -> [ProgressMessage] {
        let fields = text.split(separator: ",").map { field in field.drop { $0 == " " } }
        guard let percent = fields.first(where: { $0.hasSuffix("% done") }).flatMap({ Double($0.dropLast(6)) }) else {
            return []
        }
        let remaining = fields.first { $0.hasSuffix(" remaining") }.flatMap { NmapTextReader.seconds($0.dropLast(10)) }
        let found = fields.first { $0.hasPrefix("found=") }.flatMap { Int($0.dropFirst(6).prefix { $0.isNumber }) }
        return [
            ProgressMessage("scanProgress", phase: "masscan") { object in
                object.set("percent", min(max(percent, 0), 100))
                object.set("remaining", ifPresent: remaining)
                object.set("found", ifPresent: found)
            }
        ]
    }
}
