/// How frames look on the wire to a subscriber.
package struct WireForm: Hashable, Sendable {
    /// The transport that carries them.
    package enum Kind: Hashable, Sendable {
        /// RFC 6455 frames.
        case webSocket(WebSocketCoding)
        /// Server-Sent Events: one event a message, named by its type unless all are to be unnamed.
        case eventStream(isChunked: Bool, isNamed: Bool)
    }

    /// The coding of WebSocket payloads.
    package enum WebSocketCoding: Hashable, Sendable {
        /// Nothing.
        case plain
        /// Texts above this many bytes go as binary frames of one gzip member.
        case gzip(minimumBytes: Int, level: Int)
        /// RFC 7692, with one context for all members of the group.
        case deflate(DeflateTerms)
    }

    package var kind: Kind
    /// Whether frames end with when each of their messages came.
    package var hasTimes = false

    package static func webSocket(_ coding: WebSocketCoding) -> WireForm {
        WireForm(kind: .webSocket(coding))
    }

    package static func eventStream(isChunked: Bool, isNamed: Bool = true) -> WireForm {
        WireForm(kind: .eventStream(isChunked: isChunked, isNamed: isNamed))
    }

    /// Whether texts are compressed when they are made into frames.
    package var isCompressed: Bool {
        switch self.kind {
        case .webSocket(.deflate), .webSocket(.gzip): true
        case .webSocket(.plain), .eventStream: false
        }
    }

    /// Whether each text is a gzip member of its own.
    package var isGzip: Bool {
        if case .webSocket(.gzip) = self.kind { true } else { false }
    }
}
