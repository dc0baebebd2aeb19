import Crypto
package import SluiceBase

/// A ticket that may be shown to any of several nodes, and what they keep of it: what it was issued for, under a key
/// that only the ticket opens.
///
/// Who reads what is kept learns neither ticket nor credential, and who writes there makes no identity: the node that is
/// shown the ticket verifies the token again, or asks the application again.
package struct SealedTicket: Sendable {
    /// For the client.
    package let text: String
    /// What it is kept under: see ``digest(of:)``.
    package let digest: String
    /// What is kept.
    package let sealed: [UInt8]

    /// What a ticket may be used for, and for nothing else.
    ///
    /// It is in the ticket's text, so that no other kind is even looked up, and in the key that the text gives, so that
    /// what was sealed for one purpose is not opened for another.
    package enum Purpose: Sendable, CaseIterable {
        /// To open one connection, or make one request.
        case connection
        /// To be traded for the token that it was made of.
        case signIn

        /// The beginning of such a ticket's text.
        package var prefix: String {
            switch self {
            case .connection: ""
            case .signIn: "signin_"
            }
        }

        fileprivate var keyLabel: String {
            switch self {
            case .connection: "sluice ticket"
            case .signIn: "sluice sign-in ticket"
            }
        }
    }

    /// What a ticket is issued for.
    package enum Content: Sendable, Equatable {
        /// A token.
        case token(String)
        /// What the application judged, and who that was by its word.
        case application(ApplicationCredential, subject: ByteName)
    }

    private static let timeBytes = 8
    /// The most bytes of what is sealed for the application's visitors: their fields in quotes.
    private static let maximumContentBytes = 8 * ApplicationCredential.maximumBytes
    private static let rules = JSONReader.Rules.strict(maximumDepth: 8, maximumMemberCount: 8)

    /// A ticket for a credential.
    ///
    /// - Parameters:
    ///   - content: The credential, judged by the caller.
    ///   - purpose: What the ticket is for.
    ///   - now: The wall clock, in seconds since 1970.
    init?(_ content: Content, for purpose: Purpose = .connection, now: Double) {
        self.text = purpose.prefix + RandomText.make(byteCount: TicketBook.randomBytes)
        self.digest = Self.digest(of: self.text)
        let milliseconds = UInt64(clamping: now * 1000)
        let time = stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: milliseconds >> $0) }
        guard let box = try? AES.GCM.seal(time + Self.bytes(content), using: Self.key(of: self.text, for: purpose)),
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

    /// Whether a text could be a ticket for this purpose: only then is it looked up.
    ///
    /// No text could be one for both: they differ in length.
    package static func isTicket(_ text: String, for purpose: Purpose = .connection) -> Bool {
        text.utf8.starts(with: purpose.prefix.utf8)
            && Base64URL.decode(text.utf8.dropFirst(purpose.prefix.utf8.count))?.count == TicketBook.randomBytes
    }

    /// What a ticket was issued for; nil where the ticket does not open it, or is too old.
    ///
    /// The clocks of nodes may differ: a ticket from the future is as good as one from the past.
    package static func content(
        in sealed: [UInt8],
        by text: String,
        for purpose: Purpose = .connection,
        now: Double
    ) -> Content? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let opened = try? AES.GCM.open(box, using: Self.key(of: text, for: purpose)),
            opened.count > Self.timeBytes
        else {
            return nil
        }
        let milliseconds = opened.prefix(Self.timeBytes).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard abs(now - Double(milliseconds) / 1000) < TicketBook.timeToLive else {
            return nil
        }
        return Self.content(Array(opened.dropFirst(Self.timeBytes)))
    }

    /// A token stands there as it is; what begins with a brace is no token.
    private static func bytes(_ content: Content) -> [UInt8] {
        switch content {
        case .token(let token):
            return Array(token.utf8)
        case .application(let credential, let subject):
            var json = JSONWriter()
            json.beginObject()
            json.member("sub", subject.text)
            json.name("fields")
            json.beginArray()
            for field in credential.fields {
                json.value(field.name)
                json.value(field.value)
            }
            json.endArray()
            json.endObject()
            return json.bytes
        }
    }

    private static func content(_ bytes: [UInt8]) -> Content? {
        guard bytes.first == UInt8(ascii: "{") else {
            return String(validating: bytes, as: UTF8.self).map { .token($0) }
        }
        guard bytes.count <= Self.maximumContentBytes, let json = try? JSONReader.object(bytes, Self.rules),
            let subject = json["sub"]?.string, let texts = json["fields"]?.strings, texts.count.isMultiple(of: 2)
        else {
            return nil
        }
        let fields = stride(from: 0, to: texts.count, by: 2)
            .map { ApplicationCredential.Field(name: texts[$0], value: texts[$0 + 1]) }
        let credential = ApplicationCredential(fields)
        guard !fields.isEmpty, credential.byteCount <= ApplicationCredential.maximumBytes else {
            return nil
        }
        return .application(credential, subject: ByteName(subject))
    }

    private static func key(of text: String, for purpose: Purpose) -> SymmetricKey {
        HKDF<SHA256>
            .deriveKey(
                inputKeyMaterial: SymmetricKey(data: Array(text.utf8)),
                info: Array(purpose.keyLabel.utf8),
                outputByteCount: 32
            )
    }
}
