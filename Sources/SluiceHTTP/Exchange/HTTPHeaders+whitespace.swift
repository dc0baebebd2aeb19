package import NIOHTTP1
internal import SluiceBase

/// White space around a field's value is no part of it (RFC 9110, section 5.5), and the parser leaves some of it there.
extension HTTPHeaders {
    /// The same fields, the values without white space around them.
    ///
    /// Done once, where a head is received: whoever reads a value after that compares it as it stands.
    package var withoutOuterWhiteSpace: HTTPHeaders {
        HTTPHeaders(
            self.map { name, value in
                (name, Self.hasOuterWhiteSpace(value) ? value.trimming(in: " \t") : value)
            }
        )
    }

    /// Whether a value begins or ends with a space or a tab.
    static func hasOuterWhiteSpace(_ value: String) -> Bool {
        let bytes = value.utf8
        return Self.isWhiteSpace(bytes.first) || Self.isWhiteSpace(bytes.last)
    }

    private static func isWhiteSpace(_ byte: UInt8?) -> Bool {
        byte == 0x20 || byte == 0x09
    }
}
