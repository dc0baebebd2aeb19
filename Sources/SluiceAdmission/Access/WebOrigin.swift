import SluiceBase

/// A web origin: scheme, host and port (RFC 6454 section 4), in one spelling.
///
/// The same reading judges the origins that browsers send and those that the operator lists, so that an entry which can
/// match nothing is reported at the start. Origins of `http` and `https` are brought into the form in which browsers
/// write them. Those of apps and extensions (`tauri://localhost`, `chrome-extension://…`) are compared byte by byte,
/// except for the scheme's case: no standard defines further equalities.
package struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is not an origin that a page could have.
    package enum Fault: Error, Sendable, Hashable {
        /// It is not a scheme, `://`, a host, perhaps a port, and nothing more.
        case form
        /// A host in digits that no browser writes so: `127.1`, `[::1%1]`.
        case address
        /// A port that is empty, or not from 1 to 65535.
        case port
        /// A scheme whose addresses are not pages (`wss`), or whose pages have no origin but `null` (`data`).
        case scheme
        /// `null`, which sandboxed pages and local files send, and every page can obtain.
        case null
    }

    /// The longest host with its port, in bytes.
    private static let maximumAuthorityBytes = 512
    /// Sockets and files of another kind than pages, and pages whose origin is opaque (WHATWG HTML, section 7.1.1).
    private static let schemesWithoutPages: Set<String> = [
        "ws", "wss", "ftp", "mailto", "data", "blob", "javascript", "about",
    ]

    private let scheme: String
    private let authority: String

    /// An origin from its serialized form: `https://console.example.com:8443`.
    ///
    /// - Parameter text: The form that RFC 6454 section 6.2 gives it.
    /// - Throws: ``Fault``.
    package init(_ text: String) throws(Fault) {
        guard text != "null" else {
            throw .null
        }
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isScheme(parts[0]) else {
            throw .form
        }
        let scheme = String(decoding: parts[0], as: UTF8.self).lowercased()
        guard !Self.schemesWithoutPages.contains(scheme) else {
            throw .scheme
        }
        guard parts[1].starts(with: "//".utf8) else {
            throw .form
        }
        let authority = String(decoding: parts[1].dropFirst(2), as: UTF8.self)
        self.scheme = scheme
        self.authority =
            scheme == "http" || scheme == "https"
            ? try Self.written(authority, scheme: scheme) : try Self.foreign(authority, scheme: scheme)
    }

    /// The origin of pages that are served under a `Host` field, or `nil` if that names no host.
    ///
    /// - Parameters:
    ///   - host: A name or an address (IPv6 in brackets), perhaps with a port.
    ///   - isSecure: Whether the browser uses TLS.
    init?(host: String, isSecure: Bool) {
        let scheme = isSecure ? "https" : "http"
        do throws(Fault) {
            self.authority = try Self.written(host, scheme: scheme)
            self.scheme = scheme
        } catch {
            return nil
        }
    }

    package var description: String { "\(self.scheme)://\(self.authority)" }

    /// RFC 3986 section 3.1.
    private static func isScheme(_ bytes: Substring.UTF8View) -> Bool {
        guard let first = bytes.first, Self.isLetter(first) else {
            return false
        }
        return bytes.allSatisfy { Self.isLetter($0) || Self.isDigit($0) || "+-.".utf8.contains($0) }
    }

    /// Host and port as browsers write them: the scheme's own port is left out.
    private static func written(_ authority: String, scheme: String) throws(Fault) -> String {
        // Some characters beyond ASCII have a lower case within it.
        guard authority.utf8.count <= Self.maximumAuthorityBytes, authority.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw .form
        }
        let (host, port) = try Self.split(authority.lowercased()[...])
        let written = try Self.written(host)
        let isDefault = port == (scheme == "https" ? 443 : 80)
        return port.flatMap { isDefault ? nil : "\(written):\($0)" } ?? written
    }

    /// Takes the port from the end.
    private static func split(_ authority: Substring) throws(Fault) -> (host: Substring, port: UInt16?) {
        guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else {
            return (authority, nil)
        }
        let digits = authority[authority.index(after: colon)...]
        guard digits.utf8.allSatisfy(Self.isDigit) else {
            // Only digits distinguish a port from the rest of an address without brackets.
            throw .form
        }
        guard let port = UInt16(digits), port > 0 else {
            throw .port
        }
        return (authority[..<colon], port)
    }

    /// A host as browsers write it (WHATWG URL, section 3.5).
    private static func written(_ host: Substring) throws(Fault) -> String {
        if host.first == "[" {
            guard host.last == "]", host.contains(":") else {
                throw .form
            }
            // Several spellings of an IPv6 address are one; a zone is the machine's own and stands in no origin.
            guard !host.contains("%"), let address = IPAddress(host.dropFirst().dropLast()) else {
                throw .address
            }
            return "[\(address)]"
        }
        guard !host.isEmpty, host.utf8.allSatisfy(Self.isNameByte) else {
            throw .form
        }
        let last = host.split(separator: ".").last ?? ""
        if last.utf8.allSatisfy(Self.isDigit) || last.hasPrefix("0x") && last.dropFirst(2).allSatisfy(\.isHexDigit) {
            // A browser takes it for an IPv4 address, and writes that in four decimal numbers.
            guard IPAddress(host) != nil else {
                throw .address
            }
        }
        return String(host)
    }

    /// The host of an app's or an extension's origin, as it stands; a file's is empty.
    private static func foreign(_ authority: String, scheme: String) throws(Fault) -> String {
        if scheme == "file" {
            guard authority.isEmpty else {
                throw .form
            }
            return authority
        }
        guard authority.utf8.count <= Self.maximumAuthorityBytes else {
            throw .form
        }
        let (host, _) = try Self.split(authority[...])
        let isHost = host.utf8.allSatisfy { Self.isNameByte($0) || $0 == UInt8(ascii: "~") }
        guard !host.isEmpty, isHost else {
            throw .form
        }
        return authority
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        Self.isLetter(byte) || Self.isDigit(byte) || "-._".utf8.contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
