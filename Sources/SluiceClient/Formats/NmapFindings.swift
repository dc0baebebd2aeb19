import NIOCore
import SluiceBase

/// The findings of nmap, each reported once, whichever of its outputs has it first.
///
/// With `-v` nmap names an open port when it finds it and again in the report at the end, and the XML output can run
/// beside the normal one.
struct NmapFindings: Sendable {
    /// The output that reports a phase; each reports all phases on its own.
    enum Source: Sendable, Hashable {
        case text
        case xml
    }

    /// One port of one host.
    struct Port: Sendable, Equatable {
        let ip: String
        let number: Int
        let `protocol`: String
    }

    /// The service behind a port, as far as its answers identify it.
    struct Service: Sendable, Equatable {
        let name: String
        let product: String?
        let version: String?
        let details: String?
    }

    /// The most findings that are remembered, so that a scan of thousands of hosts does not fill the memory; a finding
    /// and its repetition are at most one host group apart.
    private static let rememberedCount = 100_000

    /// The most phases that are distinguished; further ones are not reported.
    private static let maximumPhaseCount = 256

    private var seen = RecentSet(maximumCount: Self.rememberedCount)
    private var startedPhases: [Source: [String: Int]] = [:]
    private var reportedPhases: [String: Int] = [:]

    mutating func host(ip: String, name: String?, mac: String? = nil, vendor: String? = nil) -> [ProgressMessage] {
        guard self.seen.insert("h \(ip)") else { return [] }
        return [
            ProgressMessage("hostDiscovered") { object in
                object.member("ip", ip)
                object.member("hostname", ifPresent: name)
                object.member("mac", ifPresent: mac)
                object.member("vendor", ifPresent: vendor)
            }
        ]
    }

    mutating func port(_ port: Port, state: String, service: String? = nil) -> [ProgressMessage] {
        // Includes `open|filtered`, which nmap reports for a silent UDP port.
        guard state.hasPrefix("open"), self.seen.insert("p \(port.ip) \(port.number)/\(port.protocol)") else {
            return []
        }
        return [
            ProgressMessage("portFound") { object in
                object.member("ip", port.ip)
                object.member("port", port.number)
                object.member("protocol", port.protocol)
                object.member("state", state)
                object.member("service", ifPresent: service)
            }
        ]
    }

    mutating func service(_ service: Service, on port: Port) -> [ProgressMessage] {
        guard self.seen.insert("s \(port.ip) \(port.number)/\(port.protocol)") else { return [] }
        return [
            ProgressMessage("serviceDetected") { object in
                object.member("ip", port.ip)
                object.member("port", port.number)
                object.member("protocol", port.protocol)
                object.member("service", service.name)
                object.member("product", ifPresent: service.product)
                object.member("version", ifPresent: service.version)
                object.member("details", ifPresent: service.details)
            }
        ]
    }

    /// Reports the banner of a service, as masscan reads it.
    mutating func banner(_ text: String?, service name: String, on port: Port) -> [ProgressMessage] {
        let details = text.map { $0.prefix(bytes: OutputLine.maximumTextBytes) }
        return self.service(Service(name: name, product: nil, version: nil, details: details), on: port)
    }

    mutating func operatingSystem(_ name: String, accuracy: Int?, ip: String) -> [ProgressMessage] {
        guard self.seen.insert("o \(ip)") else { return [] }
        return [
            ProgressMessage("osDetected") { object in
                object.member("ip", ip)
                object.member("name", name)
                object.member("accuracy", ifPresent: accuracy)
            }
        ]
    }

    /// Reports the start of a phase; where two outputs report it, the n-th start of both counts once.
    mutating func phaseStarted(_ phase: String, source: Source) -> [ProgressMessage] {
        let known = self.startedPhases[source, default: [:]]
        guard known[phase] != nil || known.count < Self.maximumPhaseCount else { return [] }
        let count = known[phase, default: 0] + 1
        self.startedPhases[source, default: [:]][phase] = count
        guard count > self.reportedPhases[phase, default: 0] else { return [] }
        self.reportedPhases[phase] = count
        return [ProgressMessage("phaseStarted", phase: phase)]
    }

    /// The progress of a phase.
    ///
    /// - Parameters:
    ///   - phase: The phase.
    ///   - percent: 0 to 100.
    ///   - remaining: nmap's estimate, in seconds.
    /// - Returns: The message.
    static func progress(_ phase: String, percent: Double, remaining: Int? = nil) -> [ProgressMessage] {
        [
            ProgressMessage("scanProgress", phase: phase) { object in
                object.member("percent", min(max(percent, 0), 100))
                object.member("remaining", ifPresent: remaining)
            }
        ]
    }
}

/// A set of recent members that drops the oldest beyond its limit.
struct RecentSet: Sendable {
    private let maximumCount: Int
    private var members: Set<String> = []
    private var order = CircularBuffer<String>()

    /// A set with nothing in it.
    ///
    /// - Parameter maximumCount: The most members that are remembered.
    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// Adds `member`.
    ///
    /// - Returns: Whether it was new.
    mutating func insert(_ member: String) -> Bool {
        guard self.members.insert(member).inserted else { return false }
        self.order.append(member)
        if self.order.count > self.maximumCount {
            self.members.remove(self.order.removeFirst())
        }
        return true
    }
}

extension NmapFindings {
    /// Reports a host that answered, and its port if there is one.
    mutating func open(ip: String, name: String?, port: Int?, protocol: String?) -> [ProgressMessage] {
        let host = self.host(ip: ip, name: name)
        guard let port, (0...65_535).contains(port) else { return host }
        // zmap reports the kind of the answer (`synack`), not the protocol that was asked.
        let place = Port(ip: ip, number: port, protocol: `protocol` == "udp" ? "udp" : "tcp")
        return host + self.port(place, state: "open")
    }
}
