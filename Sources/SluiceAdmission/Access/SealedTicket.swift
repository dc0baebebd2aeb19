import Crypto
import SluiceBase

/// A ticket that may be shown to any of several nodes, and what they keep of it: its token, under a key that only the
/// ticket opens.
///
/// Who reads what is kept learns neither ticket nor token, and who writes there makes no identity: the node that is
/// shown the ticket verifies the token again.
package struct SealedTicket: Sendable {
    /// For the client.
    package let text: String
    /// What it is kept under: see ``digest(of:)``.
    package let digest: String
    /// What is kept.
    package let sealed: [UInt8]

    private static let timeBytes = 8

    /// A ticket for a token.
    ///
    /// - Parameters:
    ///   - token: The token, verified by the caller.
    ///   - now: The wall clock, in seconds since 1970.
    init?(token: String, now: Double) {
        self.text = RandomText.make(byteCount: TicketBook.randomBytes)
        self.digest = Self.digest(of: self.text)
        let milliseconds = UInt64(clamping: now * 1000)
        let time = stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: milliseconds >> $0) }
        guard let box = try? AES.GCM.seal(time + Array(token.utf8), using: Self.key(of: self.text)),
            let sealed = box.combined
        else {
            return nil
        }
        self.sealed = Array(sealed)
    }

    /// The SHA-256 of a ticket, in hexadecimal.
    package static func digest(of text: String) -> String {
        Hexadecimal.text(SHA256.hash(data: Array(text.utf8)))
    }

    /// Whether a text could be a ticket: only then is it looked up.
    package static func isTicket(_ text: String) -> Bool {
        Base64URL.decode(text.utf8)?.count == TicketBook.randomBytes
    }

    /// The token behind a ticket; nil where the ticket does not open it, or is too old.
    ///
    /// The clocks of nodes may differ: a ticket from the future is as good as one from the past.
    static func token(in sealed: [UInt8], by text: String, now: Double) -> String? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let opened = try? AES.GCM.open(box, using: Self.key(of: text)), opened.count > Self.timeBytes
        else {
            return nil
        }
        let milliseconds = opened.prefix(Self.timeBytes).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard abs(now - Double(milliseconds) / 1000) < TicketBook.timeToLive else {
            return nil
        }
        return String(validating: Array(opened.dropFirst(Self.timeBytes)), as: UTF8.self)
    }

    private static func key(of text: String) -> SymmetricKey {
        HKDF<SHA256>
            .deriveKey(
                inputKeyMaterial: SymmetricKey(data: Array(text.utf8)),
                info: Array("sluice ticket".utf8),
                outputByteCount: 32
            )
    }
}
