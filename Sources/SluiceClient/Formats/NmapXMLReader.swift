/// Reads nmap's XML output (`-oX -`), tag by tag, keeping no more than the host and port that are being told.
struct NmapXMLReader: Sendable {
    /// The host whose element is open.
    private struct Host: Sendable {
        var ip: String?
        var name: String?
        var mac: String?
        var vendor: String?
        var isUp = false
    }

    /// The port whose element is open.
    private struct Port: Sendable {
        let number: Int
        let `protocol`: String
        var state = ""
        var service: String?
        var detected: NmapFindings.Service?
    }

    private var host = Host()
    private var port: Port?

    /// Takes one tag, and returns what it completes.
    mutating func read(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        tag.isEnd ? self.readEnd(tag, findings: &findings) : self.readStart(tag, findings: &findings)
    }

    private mutating func readStart(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        switch tag.name {
        case "taskbegin":
            return tag["task"].map { findings.phaseStarted($0, source: .xml) } ?? []
        case "taskprogress":
            guard let task = tag["task"], let percent = tag["percent"].flatMap(Double.init) else { return [] }
            return findings.progress(task, percent: percent, remaining: tag["remaining"].flatMap { Int($0) })
        case "taskend":
            return tag["task"].map { findings.progress($0, percent: 100) } ?? []
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
        // A name out of nmap's table of port numbers is a guess, and not a service that answered.
        if tag["method"] == "probed" || tag["product"] != nil {
            self.port?.detected = NmapFindings.Service(
                name: tag["tunnel"] == "ssl" && name == "http" ? "https" : name,
                product: tag["product"],
                version: tag["version"],
                details: tag["extrainfo"]
            )
        }
    }

    private func hostMessages(_ findings: inout NmapFindings) -> [ProgressMessage] {
        guard self.host.isUp, let ip = self.host.ip else { return [] }
        return findings.host(ip: ip, name: self.host.name, mac: self.host.mac, vendor: self.host.vendor)
    }

    private mutating func portMessages(_ findings: inout NmapFindings) -> [ProgressMessage] {
        guard let port = self.port, let ip = self.host.ip else { return [] }
        self.port = nil
        let place = NmapFindings.Port(ip: ip, number: port.number, protocol: port.protocol)
        var messages = findings.port(place, state: port.state, service: port.service)
        if let detected = port.detected, port.state.hasPrefix("open") {
            messages += findings.service(detected, on: place)
        }
        return messages
    }

    private func script(_ tag: XMLTag, findings: inout NmapFindings) -> [ProgressMessage] {
        guard let ip = self.host.ip, let id = tag["id"], let output = tag["output"] else { return [] }
        let port = self.port
        var messages: [ProgressMessage] = []
        if let port {
            let place = NmapFindings.Port(ip: ip, number: port.number, protocol: port.protocol)
            messages += findings.port(place, state: port.state, service: port.service)
        }
        let shown = String(decoding: output.utf8.prefix(OutputLine.maximumTextBytes), as: UTF8.self)
        messages.append(
            ProgressMessage("scriptOutput") { object in
                object.set("ip", ip)
                object.set("port", ifPresent: port?.number)
                object.set("protocol", ifPresent: port?.protocol)
                object.set("script", id)
                object.set("output", shown)
            }
        )
        return messages
    }
}
