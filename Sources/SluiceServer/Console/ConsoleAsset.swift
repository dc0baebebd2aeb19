internal import Crypto
package import NIOCore
internal import SluiceWire

/// One file as it is sent: made once, shared by all requests for it.
package struct ConsoleAsset: Sendable {
    /// The media type, for `Content-Type`.
    package let mediaType: String
    /// The whole content.
    package let body: ByteBuffer
    /// The content as gzip, packed once and as small as it gets.
    package let packed: ByteBuffer
    /// Whether that is worth it: pictures and fonts are packed already.
    package var isPackable: Bool { self.packed.readableBytes < self.body.readableBytes }
    /// The entity tag with its quotes: it changes with the content and only with it (RFC 9110, section 8.8.3).
    package let entityTag: String
    /// The packed form's tag: a strong one is for one form only.
    package let packedEntityTag: String
    private let policy: [(name: String, value: String)]

    /// Prepares a file.
    ///
    /// - Parameters:
    ///   - content: The whole of it.
    ///   - mediaType: Its media type.
    ///   - policy: The fields that tell a browser how it may use the file.
    init(_ content: ByteBuffer, mediaType: String, policy: [(name: String, value: String)]) {
        self.mediaType = mediaType
        self.body = content
        // 96 bits tell any two contents apart that a binary will ever hold.
        let hash = SHA256.hash(data: Array(self.body.readableBytesView)).prefix(12)
        let digits = hash.flatMap { byte in [byte >> 4, byte & 15] }.map { String($0, radix: 16) }
        self.packed = gzip(self.body, level: 9)
        self.entityTag = "\"\(digits.joined())\""
        self.packedEntityTag = "\"\(digits.joined())-gzip\""
        self.policy = policy
    }

    /// Further fields of the answer, also of a 304: tag, caching and the browser's policy.
    package func headers(isPacked: Bool) -> [(name: String, value: String)] {
        // Without a version in the path, ask each time: the answer is nearly always a 304.
        let tag = isPacked ? self.packedEntityTag : self.entityTag
        return [("ETag", tag), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding")] + self.policy
    }

    /// Whether the client already has this content, so that the answer is 304 (RFC 9110, section 13.1.2).
    ///
    /// - Parameter values: The values of `If-None-Match`, one for each line of it.
    /// - Returns: Whether one of them is `*` or names this content, by the weak comparison: a proxy that compresses
    ///   may have made the tag weak.
    package func isFresh(ifNoneMatch values: [String]) -> Bool {
        values.lazy.flatMap { $0.split(separator: ",") }
            .contains { part in
                let tag = part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
                guard tag != "*" else { return true }
                let strong = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag
                return strong == self.entityTag || strong == self.packedEntityTag
            }
    }
}
