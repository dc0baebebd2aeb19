internal import NIOSSL
internal import SwiftASN1
internal import X509

/// Chooses among certificates by the name that a client asks for (RFC 6066 section 3): the first that has the very name,
/// else the first whose pattern fits.
package struct CertificateChoice: Sendable, Equatable {
    private var exact: [String: Int] = [:]
    /// By what follows the `*`.
    private var patterns: [String: Int] = [:]

    /// - Parameter names: The names of each certificate, in the order in which they are preferred.
    package init(_ names: [[String]]) {
        for (index, names) in names.enumerated() {
            for name in names.map({ $0.lowercased() }) {
                if name.hasPrefix("*.") {
                    let rest = String(name.dropFirst())
                    self.patterns[rest] = self.patterns[rest] ?? index
                } else {
                    self.exact[name] = self.exact[name] ?? index
                }
            }
        }
    }

    /// The certificate for a name.
    ///
    /// - Parameter name: As the client wrote it; its case does not count.
    /// - Returns: Its place; nil if none has the name.
    package func index(for name: String) -> Int? {
        let name = name.lowercased()
        if let index = self.exact[name] {
            return index
        }
        // RFC 6125 section 6.4.3: the star stands for one whole label.
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else {
            return nil
        }
        return self.patterns[String(name[dot...])]
    }
}

extension NIOSSLCertificate {
    /// The DNS names that it is for; its common name, if it has no alternative names at all.
    var serverNames: [String] {
        var names: [String] = []
        var hasNames = false
        for name in self._subjectAlternativeNames() {
            hasNames = true
            if name.nameType == .dnsName {
                names.append(
                    String(decoding: unsafe name.contents.withUnsafeBufferPointer { unsafe Array($0) }, as: UTF8.self)
                )
            }
        }
        return hasNames ? names : self.commonName.map { [$0] } ?? []
    }
}
