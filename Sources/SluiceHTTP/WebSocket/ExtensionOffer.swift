/// One offer in a `Sec-WebSocket-Extensions` header (RFC 6455 section 9.1): a name and its parameters, in order.
struct ExtensionOffer: Equatable {
    /// One parameter; quoted values come without their quotes.
    struct Parameter: Equatable {
        var name: String
        var value: String?
    }

    /// The header does not follow the grammar.
    ///
    /// By section 9.1 that fails the handshake.
    struct Malformed: Error {}

    var name: String
    var parameters: [Parameter] = []

    /// Reads all offers, from the values of all lines of the header.
    ///
    /// Empty list elements are passed over, as lists in HTTP have it.
    ///
    /// - Parameter values: The header's values in order.
    /// - Returns: The offers, the preferred one first.
    /// - Throws: `Malformed`; no offer is taken from such a header.
    static func parse(_ values: [String]) throws(Malformed) -> [ExtensionOffer] {
        var offers: [ExtensionOffer] = []
        for value in values {
            var reader = Reader(value)
            while true {
                reader.skipSpace()
                if reader.take(",") { continue }
                if reader.isAtEnd { break }
                offers.append(try reader.offer())
                reader.skipSpace()
                guard reader.isAtEnd || reader.take(",") else { throw Malformed() }
            }
        }
        return offers
    }

    private struct Reader {
        private let bytes: [UInt8]
        private var index = 0

        init(_ text: String) {
            self.bytes = Array(text.utf8)
        }

        var isAtEnd: Bool { self.index == self.bytes.count }

        mutating func skipSpace() {
            while !self.isAtEnd, self.bytes[self.index] == 0x20 || self.bytes[self.index] == 0x09 {
                self.index += 1
            }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard !self.isAtEnd, self.bytes[self.index] == UInt8(ascii: character) else { return false }
            self.index += 1
            return true
        }

        mutating func offer() throws(Malformed) -> ExtensionOffer {
            var offer = ExtensionOffer(name: try self.token())
            self.skipSpace()
            while self.take(";") {
                self.skipSpace()
                offer.parameters.append(try self.parameter())
                self.skipSpace()
            }
            return offer
        }

        private mutating func parameter() throws(Malformed) -> Parameter {
            let name = try self.token()
            self.skipSpace()
            guard self.take("=") else { return Parameter(name: name) }
            self.skipSpace()
            return Parameter(name: name, value: self.take("\"") ? try self.quoted() : try self.token())
        }

        private mutating func token() throws(Malformed) -> String {
            let start = self.index
            while !self.isAtEnd, Self.isTokenByte(self.bytes[self.index]) {
                self.index += 1
            }
            guard self.index > start else { throw Malformed() }
            return String(decoding: self.bytes[start..<self.index], as: UTF8.self)
        }

        /// The rest of a quoted string; its value must be a token (section 9.1).
        private mutating func quoted() throws(Malformed) -> String {
            var text: [UInt8] = []
            while !self.isAtEnd {
                var byte = self.bytes[self.index]
                self.index += 1
                if byte == UInt8(ascii: "\"") {
                    guard !text.isEmpty else { throw Malformed() }
                    return String(decoding: text, as: UTF8.self)
                }
                if byte == UInt8(ascii: "\\"), !self.isAtEnd {
                    byte = self.bytes[self.index]
                    self.index += 1
                }
                guard Self.isTokenByte(byte) else { throw Malformed() }
                text.append(byte)
            }
            throw Malformed()
        }

        /// RFC 9110 section 5.6.2.
        private static func isTokenByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default:
                "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
    }
}
