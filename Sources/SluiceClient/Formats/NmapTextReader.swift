import SluiceBase

/// Reads nmap's normal output: `-v` names ports as they are found, `--stats-every` reports progress.
struct NmapTextReader: Sendable {
    /// The columns of the current port table, as its heading places them.
    private struct Columns: Sendable {
        let version: Int?
    }

    private var ip: String?
    private var names: [String: String] = [:]
    private var columns: Columns?

    /// Reads one line.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - findings: The findings so far.
    /// - Returns: The messages of the line; nil where it is not understood, or says more than the messages do.
    mutating func read(_ line: String, findings: inout NmapFindings) -> [ProgressMessage]? {
        if line.hasPrefix("Discovered open port ") {
            return self.discoveredPort(line, findings: &findings)
        }
        if line.hasPrefix("Initiating ") {
            return self.phase(in: line.dropFirst(11)).map { findings.phaseStarted($0, source: .text) }
        }
        if line.hasPrefix("Completed ") {
            return self.phase(in: line.dropFirst(10)).map { NmapFindings.progress($0, percent: 100) }
        }
        if let progress = Self.progress(in: line) {
            return progress
        }
        if line.hasPrefix("Scanning ") {
            self.rememberName(in: line.dropFirst(9))
            return nil
        }
        if line.hasPrefix("Nmap scan report for ") {
            let target = Self.target(line.dropFirst(21))
            self.ip = target.ip
            self.remember(name: target.name, of: target.ip)
            self.columns = nil
            return []
        }
        guard let ip = self.ip else { return nil }
        if line.hasPrefix("Host is up") {
            return findings.host(ip: ip, name: self.names[ip])
        }
        if line.hasPrefix("PORT ") {
            self.columns = Columns(version: Self.offset(of: "VERSION", in: line))
            return findings.host(ip: ip, name: self.names[ip])
        }
        return self.columns == nil ? nil : self.portRow(line, ip: ip, findings: &findings)
    }

    /// The progress of nmap (`--stats-every`); nil where the line has none.
    static func progress(in line: String) -> [ProgressMessage]? {
        line.hasPrefix("Stats: ") ? self.stats(line) : self.timing(line)
    }

    /// Reads `SYN Stealth Scan at 05:38`, `Ping Scan at 05:38, 0.02s elapsed (1 total hosts)`: the phase is first.
    private func phase(in text: Substring) -> String? {
        var searched = text
        while let at = Self.lastRange(of: " at ", in: searched) {
            let clock = text[text.index(at, offsetBy: 4)...]
            if clock.first?.isNumber == true { return String(text[..<at]) }
            searched = text[..<at]
        }
        return nil
    }

    private static func lastRange(of separator: String, in text: Substring) -> Substring.Index? {
        var index = text.endIndex
        while index > text.startIndex {
            index = text.index(before: index)
            if text[index...].hasPrefix(separator) { return index }
        }
        return nil
    }

    /// Reads `Discovered open port 80/tcp on 192.168.1.1`.
    private func discoveredPort(_ line: String, findings: inout NmapFindings) -> [ProgressMessage]? {
        let words = line.split(separator: " ")
        guard words.count == 6, let (number, name) = Self.portAndProtocol(words[3]) else { return nil }
        let ip = String(words[5])
        return findings.host(ip: ip, name: self.names[ip])
            + findings.port(NmapFindings.Port(ip: ip, number: number, protocol: name), state: "open")
    }

    /// Reads `SYN Stealth Scan Timing: About 19.35% done; ETC: 05:44 (0:00:04 remaining)`.
    private static func timing(_ line: String) -> [ProgressMessage]? {
        let parts = line.split(separator: " Timing: About ", maxSplits: 1)
        guard parts.count == 2, let percent = parts[1].split(separator: "%").first.flatMap({ Double(finite: $0) })
        else { return nil }
        var remaining: Int?
        if let open = parts[1].lastIndex(of: "("), parts[1].hasSuffix(" remaining)") {
            remaining = Self.seconds(parts[1][parts[1].index(after: open)...].dropLast(11))
        }
        return NmapFindings.progress(String(parts[0]), percent: percent, remaining: remaining)
    }

    /// Reads `Stats: 0:00:01 elapsed; 3 hosts completed (1 up), 1 undergoing SYN Stealth Scan`.
    private static func stats(_ line: String) -> [ProgressMessage]? {
        let words = line.split(separator: " ")
        guard words.count >= 7, let elapsed = Self.seconds(words[1]), let completed = Int(words[3]) else { return nil }
        return [
            ProgressMessage("stats") { object in
                object.member("elapsed", elapsed)
                object.member("hostsCompleted", completed)
                object.member("hostsUp", ifPresent: Int(words[6].drop { $0 == "(" }))
            }
        ]
    }

    /// Reads `18941/tcp open   http    SimpleHTTPServer 0.6 (Python 3.11.7)`.
    private func portRow(_ line: String, ip: String, findings: inout NmapFindings) -> [ProgressMessage]? {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count >= 2, let (number, name) = Self.portAndProtocol(words[0]) else { return nil }
        let state = String(words[1])
        let port = NmapFindings.Port(ip: ip, number: number, protocol: name)
        // nmap marks a guess with a question mark.
        let service = words.count > 2 ? String(words[2].prefix { $0 != "?" }) : nil
        var messages = findings.port(port, state: state, service: service)
        if let column = self.columns?.version, let service, state.hasPrefix("open") {
            let version = line.dropFirst(column)
            if !version.isEmpty, version.first != " " {
                messages += findings.service(Self.service(service, described: version), on: port)
            }
        }
        return messages
    }
}

// MARK: - nmap's notation

extension NmapTextReader {
    /// Reads `localhost (127.0.0.1)`, or an address alone.
    private static func target(_ text: Substring) -> (ip: String, name: String?) {
        let words = text.split(separator: " ")
        guard words.count >= 2, words[1].hasPrefix("("), words[1].hasSuffix(")") else {
            return (String(words.first ?? ""), nil)
        }
        return (String(words[1].dropFirst().dropLast()), String(words[0]))
    }

    /// Keeps the name in `localhost (127.0.0.1) [31 ports]`, `2 services on localhost (127.0.0.1)`.
    private mutating func rememberName(in text: Substring) {
        let words = text.split(separator: " ")
        guard let index = words.firstIndex(where: { $0.hasPrefix("(") && $0.hasSuffix(")") }), index > 0 else { return }
        self.remember(name: String(words[index - 1]), of: String(words[index].dropFirst().dropLast()))
    }

    /// The most host names that are remembered; beyond it all are forgotten.
    private static let maximumNameCount = 10_000

    private mutating func remember(name: String?, of ip: String) {
        guard let name else { return }
        if self.names.count >= Self.maximumNameCount { self.names.removeAll() }
        self.names[ip] = name
    }

    private static func portAndProtocol(_ word: Substring) -> (Int, String)? {
        let parts = word.split(separator: "/")
        guard parts.count == 2, let number = Int(parts[0]), (0...65_535).contains(number),
            ["tcp", "udp", "sctp", "ip"].contains(parts[1])
        else { return nil }
        return (number, String(parts[1]))
    }

    /// Reads `0:00:04`, `1:02:03`.
    static func seconds(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":").map { Int($0) }
        guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2],
            (0..<100_000).contains(hours), (0..<60).contains(minutes), (0..<60).contains(seconds)
        else { return nil }
        return hours * 3600 + minutes * 60 + seconds
    }

    private static func offset(of word: String, in line: String) -> Int? {
        var rest = line[...]
        while !rest.isEmpty {
            if rest.hasPrefix(word) { return line.distance(from: line.startIndex, to: rest.startIndex) }
            rest = rest.dropFirst()
        }
        return nil
    }

    /// Reads `OpenSSH 9.2p1 Debian 2 (protocol 2.0)`: the product up to the first number, the version up to the
    /// bracket.
    static func service(_ name: String, described text: Substring) -> NmapFindings.Service {
        var head = text
        var details: Substring?
        if let open = text.firstIndex(of: "("), text.hasSuffix(")") {
            head = text[..<open]
            details = text[text.index(after: open)...].dropLast()
        }
        let words = head.split(separator: " ")
        let split = words.firstIndex { $0.first?.isNumber == true } ?? words.count
        return NmapFindings.Service(
            name: name,
            product: words[..<split].joined(separator: " "),
            version: words[split...].joined(separator: " "),
            details: details.map(String.init)
        )
    }
}
