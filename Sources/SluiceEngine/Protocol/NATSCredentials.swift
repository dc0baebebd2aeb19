internal import Crypto
internal import Foundation
internal import SluiceBase

/// The identity of a client to a NATS server.
package enum NATSCredentials: Sendable {
    case none
    case user(String, password: String)
    /// A user's JWT, and the seed of the key that signs for it.
    case token(String, seed: [UInt8])

    /// Reads a `.creds` file; nil where the text is none.
    package init?(file text: String) {
        guard let token = Self.block("NATS USER JWT", in: text),
            let seed = Self.block("USER NKEY SEED", in: text).flatMap({ Self.seed($0) })
        else {
            return nil
        }
        self = .token(token, seed: seed)
    }

    /// The signature of a server's nonce, as base64url; nil where the seed is not a key.
    package static func signature(of nonce: String, seed: [UInt8]) -> String? {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
            let signature = try? key.signature(for: Data(nonce.utf8))
        else {
            return nil
        }
        return Base64URL.encode(signature)
    }

    /// The 32 bytes of a seed such as `SUAB…`: base32 of two bytes that name its kind, the seed, and a CRC-16.
    package static func seed(_ text: String) -> [UInt8]? {
        guard let bytes = Self.base32(text), bytes.count == 36 else {
            return nil
        }
        let body = bytes.prefix(34)
        let sum = UInt16(bytes[34]) | UInt16(bytes[35]) << 8
        // The upper five bits of a seed are 18.
        guard Self.checksum(body) == sum, bytes[0] & 0xF8 == 18 << 3 else {
            return nil
        }
        return Array(body.dropFirst(2))
    }

    private static func block(_ name: String, in text: String) -> String? {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN \(name)") }), begin + 1 < lines.count
        else {
            return nil
        }
        return lines[begin + 1]
    }

    private static func base32(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
            case UInt8(ascii: "2")...UInt8(ascii: "7"): value = character - UInt8(ascii: "2") + 26
            default: return nil
            }
            bits = bits << 5 | UInt32(value)
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        return bytes
    }

    /// CRC-16 as in XMODEM.
    private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(UInt16(0)) { sum, byte in
            (0..<8)
                .reduce(sum ^ UInt16(byte) << 8) { value, _ in
                    value & 0x8000 == 0 ? value << 1 : value << 1 ^ 0x1021
                }
        }
    }
}
