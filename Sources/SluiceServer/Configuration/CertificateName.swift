internal import SluiceBase
internal import SwiftASN1
internal import X509

/// A name that a server's certificate is for: a DNS name, perhaps with `*` for its first label, or an address.
package struct CertificateName: Sendable, Hashable, CustomStringConvertible {
    /// As it is shown and put into URLs, without brackets; DNS names in lower case.
    package let description: String
    private let address: IPAddress?

    /// The name of the loopback and its two addresses.
    static let loopback = ["localhost", "127.0.0.1", "::1"].compactMap { CertificateName($0) }

    /// A name as a user writes it; nil if no certificate can be for it.
    ///
    /// - Parameter text: International names in their ASCII form (`xn--…`); IPv6 with or without brackets.
    package init?(_ text: String) {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if let address = IPAddress(bare), !bare.contains("%") {
            self.description = bare.lowercased()
            self.address = address
        } else if Self.isHostName(text) {
            self.description = text.lowercased()
            self.address = nil
        } else {
            return nil
        }
    }

    /// A name from a certificate; nil for kinds other than names and addresses.
    init?(_ name: GeneralName) {
        switch name {
        case .dnsName(let text):
            self.init(text)
        case .ipAddress(let octets):
            self.init(Self.text(Array(octets.bytes)))
        default:
            return nil
        }
    }

    /// Whether it stands for many hosts, so that it is in no URL.
    package var isPattern: Bool { self.description.hasPrefix("*") }

    /// Whether it is no name, but an address.
    var isAddress: Bool { self.address != nil }

    /// Its form in a URL.
    package var inURL: String { self.description.contains(":") ? "[\(self.description)]" : self.description }

    /// Its form in a certificate (RFC 5280 section 4.2.1.6).
    var generalName: GeneralName {
        guard let address = self.address else {
            return .dnsName(self.description)
        }
        return .ipAddress(ASN1OctetString(contentBytes: Self.octets(address)[...]))
    }

    /// RFC 1123 section 2.1; the last label is not all digits, or it would be an address.
    private static func isHostName(_ text: String) -> Bool {
        var labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count > 2, labels[0] == "*" {
            labels.removeFirst()
        }
        guard text.utf8.count <= 253, let last = labels.last, last.contains(where: { !$0.isNumber }) else {
            return false
        }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                        true
                    default:
                        false
                    }
                }
        }
    }

    private static func octets(_ address: IPAddress) -> [UInt8] {
        guard !address.isIPv4 else {
            return address.description.split(separator: ".").compactMap { UInt8($0) }
        }
        let groups = address.description.split(separator: ":").compactMap { UInt16($0, radix: 16) }
        return groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    }

    private static func text(_ octets: [UInt8]) -> String {
        guard octets.count == 16 else {
            return octets.map { String($0) }.joined(separator: ".")
        }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1]) }
        return groups == [0, 0, 0, 0, 0, 0, 0, 1] ? "::1" : groups.map { String($0, radix: 16) }.joined(separator: ":")
    }
}
