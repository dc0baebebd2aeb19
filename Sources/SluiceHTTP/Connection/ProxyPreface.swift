package import SluiceBase

/// The words that a load balancer puts before the bytes of a connection, to say who its client is: the PROXY protocol,
/// versions 1 and 2.
///
/// Whether the balancer is believed is its owner's decision.
package enum ProxyPreface: Sendable, Equatable {
    /// The client, and its port.
    case client(IPAddress, port: Int)
    /// The balancer speaks for itself, or does not say for whom.
    case balancer

    /// What some bytes at the beginning of a connection are.
    package enum Reading: Sendable, Equatable {
        /// The beginning of a preface.
        case incomplete
        /// A preface of so many bytes.
        case complete(ProxyPreface, byteCount: Int)
        /// No preface.
        case malformed
    }

    /// The most bytes of a preface of version 2, what is appended to the addresses included; more is malformed.
    package static let maximumBytes = 4096

    /// The most bytes of the line of version 1, its end included (section 2.1).
    private static let maximumLineBytes = 107
    private static let lineStart = Array("PROXY ".utf8)
    /// Section 2.2.
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// Reads a preface.
    ///
    /// - Parameter bytes: All bytes that have come.
    /// - Returns: What they are so far.
    package static func read(_ bytes: [UInt8]) -> Reading {
        for start in [Self.lineStart, Self.signature] {
            let common = min(start.count, bytes.count)
            guard bytes[..<common].elementsEqual(start[..<common]) else { continue }
            guard common == start.count else { return .incomplete }
            return start.count == Self.lineStart.count ? Self.readLine(bytes) : Self.readBinary(bytes)
        }
        return .malformed
    }

    // MARK: Version 1

    private static func readLine(_ bytes: [UInt8]) -> Reading {
        guard let end = bytes.prefix(Self.maximumLineBytes).firstIndex(of: 0x0A) else {
            return bytes.count < Self.maximumLineBytes ? .incomplete : .malformed
        }
        guard bytes[end - 1] == 0x0D else { return .malformed }
        let line = String(decoding: bytes[Self.lineStart.count..<(end - 1)], as: UTF8.self)
        let fields = line.utf8.split(separator: 0x20, omittingEmptySubsequences: false).map { String(Substring($0)) }
        if fields[0] == "UNKNOWN" {
            return .complete(.balancer, byteCount: end + 1)
        }
        guard fields.count == 5, fields[0] == "TCP4" || fields[0] == "TCP6" else { return .malformed }
        let addresses = fields[1...2].compactMap { Self.address($0, isVersion4: fields[0] == "TCP4") }
        let ports = fields[3...4].compactMap { Self.port($0) }
        guard addresses.count == 2, ports.count == 2 else { return .malformed }
        return .complete(.client(addresses[0], port: ports[0]), byteCount: end + 1)
    }

    private static func address(_ text: String, isVersion4: Bool) -> IPAddress? {
        guard text.utf8.contains(UInt8(ascii: ":")) != isVersion4, !text.utf8.contains(UInt8(ascii: "%")) else {
            return nil
        }
        return IPAddress(text)
    }

    /// Section 2.1: without leading zeros.
    private static func port(_ text: String) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0"),
            text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let port = Int(text), port <= 65_535
        else { return nil }
        return port
    }

    // MARK: Version 2

    private static func readBinary(_ bytes: [UInt8]) -> Reading {
        let headCount = Self.signature.count + 4
        // What is wrong already need not be waited for.
        if bytes.count > 12, bytes[12] != 0x20, bytes[12] != 0x21 { return .malformed }
        guard bytes.count >= headCount else { return .incomplete }
        let isLocal = bytes[12] == 0x20
        let end = headCount + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard end <= Self.maximumBytes, isLocal || Self.isKnown(bytes[13], byteCount: end - headCount) else {
            return .malformed
        }
        guard bytes.count >= end else { return .incomplete }
        let (family, start) = (isLocal ? 0 : bytes[13], headCount)
        switch family {
        case 0x11:
            let text = bytes[start..<(start + 4)].map { String($0) }.joined(separator: ".")
            return Self.complete(text, portAt: start + 8, bytes, end)
        case 0x21:
            let groups = stride(from: start, to: start + 16, by: 2)
                .map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
            return Self.complete(groups.joined(separator: ":"), portAt: start + 32, bytes, end)
        default:
            return .complete(.balancer, byteCount: end)
        }
    }

    /// Section 2.2: streams of IPv4, of IPv6, of Unix sockets, and what says nothing; each with room for its addresses.
    private static func isKnown(_ family: UInt8, byteCount: Int) -> Bool {
        switch family {
        case 0x00: true
        case 0x11: byteCount >= 12
        case 0x21: byteCount >= 36
        case 0x31: byteCount >= 216
        default: false
        }
    }

    private static func complete(_ address: String, portAt index: Int, _ bytes: [UInt8], _ end: Int) -> Reading {
        guard let address = IPAddress(address) else { return .malformed }
        let port = Int(bytes[index]) << 8 | Int(bytes[index + 1])
        return .complete(.client(address, port: port), byteCount: end)
    }
}
