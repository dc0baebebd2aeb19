import SluiceBase

/// Reads the XML output of nmap and masscan (`-oX -`), tag by tag, keeping only the current host and port.
struct NmapXMLReader: Sendable {
    /// The host whose element is open.
    private struct Host: Sendable {
        var ip: String?
        var name: String?
        var mac: String?
        var vendor: String?
        /// Whether the host is up; nil for masscan, which does not report it: there a host with an open port is up.
        var isUp: Bool?
    }

    /// The port whose element is open.
    private struct Port: Sendable {
        let number: Int
        let `protocol`: String
        var state = ""
        var service: String?
        var detected: NmapFindings.Service?
        var banner: String?
    }

    private var host = Host()
    private var port: Port?

    /// The elements of nmap's documents (nmap.dtd); masscan uses some of them.
    private static let elements: Set<String> = [
        "nmaprun", "scaninfo", "verbose", "debugging", "target", "taskbegin", "taskprogress", "taskend", "host",
        "hosthint", "status", "address", "hostnames", "hostname", "smurf", "ports", "extraports", "extrareasons",
        "port", "state", "owner", "service", "cpe", "script", "table", "elem", "os", "portused", "osclass", "osmatch",
        "osfingerprint", "distance", "uptime", "tcpsequence", "ipidsequence", "tcptssequence", "trace", "hop", "times",
        "output", "runstats", "finished", "hosts", "hostscript", "prescript", "postscript",
    ]

    /// Whether a line is XML.
    static func recognises(_ line: OutputLine) -> Bool {
        line.bytes.first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: "<")
    }

    /// Reads one line.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - findings: The findings so far.
    /// - Returns: The messages that its tags complete, and the line itself where it holds anything but known tags.
    mutating func read(_ line: OutputLine, findings: inout NmapFindings) -> [ProgressMessage] {
        let (tags, isWhole) = XMLTagReader.tags(in: line.bytes)
        var messages: [ProgressMessage] = []
        for tag in tags { messages += self.read(tag, findings: &findings) }
        return messages + (isWhole && tags.allSatisfy { Self.elements.contains($0.name) } ? [] : [.line(line)])
    }

    private mutating func read(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        tag.isEnd ? self.readEnd(tag, findings: &findings) : self.readStart(tag, findings: &findings)
    }

    private mutating func readStart(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        switch tag.name {
        case "taskbegin":
            return tag["task"].map { findings.phaseStarted($0, source: .xml) } ?? []
        case "taskprogress":
            guard let task = tag["task"], let percent = tag["percent"].flatMap({ Double(finite: $0) }) else {
                return []
            }
            return NmapFindings.progress(task, percent: percent, remaining: tag["remaining"].flatMap { Int($0) })
        case "taskend":
            return tag["task"].map { NmapFindings.progress($0, percent: 100) } ?? []
        case "host", "hosthint":
            self.host = Host()
            self.port = nil
        case "status":
            self.host.isUp = tag["state"] == "up"
        case "address":
            self.address(tag)
        case "hostname":
            self.host.name = self.host.name ?? tag["name"]
        case "ports":
            return self.hostMessages(&findings)
        case "port":
            self.port = tag["portid"].flatMap { Int($0) }.map { Port(number: $0, protocol: tag["protocol"] ?? "tcp") }
        case "state":
            self.port?.state = tag["state"] ?? ""
        case "service":
            self.service(tag)
        case "script":
            return self.script(tag, findings: &findings)
        case "osmatch":
            guard let ip = self.host.ip, let name = tag["name"] else { return [] }
            return findings.operatingSystem(name, accuracy: tag["accuracy"].flatMap { Int($0) }, ip: ip)
        case "finished":
            // In a failed scan this is all that the document says about the failure.
            return tag["errormsg"].map { [.line(OutputLine($0))] } ?? []
        default:
            break
        }
        return []
    }

    private mutating func readEnd(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        switch tag.name {
        case "port":
            return self.portMessages(&findings)
        case "host", "hosthint":
            defer { self.host = Host() }
            return self.hostMessages(&findings)
        default:
            return []
        }
    }

    private mutating func address(_ tag: XMLTag) {
        if tag["addrtype"] == "mac" {
            self.host.mac = tag["addr"]
            self.host.vendor = tag["vendor"]
        } else {
            self.host.ip = self.host.ip ?? tag["addr"]
        }
    }

    private mutating func service(_ tag: XMLTag) {
        guard let name = tag["name"] else { return }
        self.port?.service = name
        // A name from nmap's table of port numbers is a guess, not a service that answered.
        if let banner = tag["banner"] {
            self.port?.banner = banner
        } else if tag["method"] == "probed" || tag["product"] != nil {
            self.port?.detected = NmapFindings.Service(
                name: tag["tunnel"] == "ssl" && name == "http" ? "https" : name,
                product: tag["product"],
                version: tag["version"],
                details: tag["extrainfo"]
            )
        }
    }

    private func hostMessages(_ findings: inout NmapFindings) -> [ProgressMessage] {
        guard self.host.isUp == true, let ip = self.host.ip else { return [] }
        return findings.host(ip: ip, name: self.host.name, mac: self.host.mac, vendor: self.host.vendor)
    }

    private mutating func portMessages(_ findings: inout NmapFindings) -> [ProgressMessage] {
        guard let port = self.port, let ip = self.host.ip else { return [] }
        self.port = nil
        let place = NmapFindings.Port(ip: ip, number: port.number, protocol: port.protocol)
        guard port.state.hasPrefix("open") else { return [] }
        var messages = self.host.isUp == nil ? findings.host(ip: ip, name: self.host.name) : []
        messages += findings.port(place, state: port.state, service: port.service)
        if let banner = port.banner {
            messages += findings.banner(banner, service: port.service ?? "unknown", on: place)
        } else if let detected = port.detected {
            messages += findings.service(detected, on: place)
        }
        return messages
    }

    private func script(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        guard let id = tag["id"], let output = tag["output"] else { return [] }
        // A script of the whole scan has no host.
        let ip = self.host.ip
        let port = self.port
        var messages: [ProgressMessage] = []
        if let port, let ip {
            let place = NmapFindings.Port(ip: ip, number: port.number, protocol: port.protocol)
            messages += findings.port(place, state: port.state, service: port.service)
        }
        let shown = output.prefix(bytes: OutputLine.maximumTextBytes)
        messages.append(
            ProgressMessage("scriptOutput") { object in
                object.member("ip", ifPresent: ip)
                object.member("port", ifPresent: port?.number)
                object.member("protocol", ifPresent: port?.protocol)
                object.member("script", id)
                object.member("output", shown)
            }
        )
        return messages
    }
}

/// Translates nmap's XML, normal and greppable output, or several of them, on either stream.
struct NmapTranslator: OutputTranslator {
    private var findings = NmapFindings()
    private var xml: [ScannerStream: NmapXMLReader] = [:]
    private var text: [ScannerStream: NmapTextReader] = [:]

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        if NmapXMLReader.recognises(line) {
            return self.xml[stream, default: NmapXMLReader()].read(line, findings: &self.findings)
        }
        let text = line.text
        if GreppableReader.recognises(text) {
            return GreppableReader.read(line, findings: &self.findings)
        }
        return self.text[stream, default: NmapTextReader()].read(text, findings: &self.findings)
    }
}
