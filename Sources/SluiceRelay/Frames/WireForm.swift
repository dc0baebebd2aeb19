/// How frames look on the wire to a subscriber.
package enum WireForm: Hashable, Sendable {
    /// RFC 6455 text frames.
    case webSocket(WebSocketCoding)
    /// Server-Sent Events: one event a message, named by its type unless all are to be unnamed.
    case eventStream(isChunked: Bool, isNamed: Bool = true)

    /// Whether texts are compressed when they are made into frames.
    package var isCompressed: Bool {
        switch self {
        case .webSocket(.deflate), .webSocket(.gzip): true
        case .webSocket(.plain), .eventStream: false
        }
    }

    /// What is done to WebSocket payloads.
    package enum WebSocketCoding: Hashable, Sendable {
        /// Nothing.
        case plain
        /// Texts over so many bytes go as binary frames of one gzip member.
        case gzip(minimumBytes: Int, level: Int)
        /// RFC 7692, with one context for all members of the group.
        case deflate(DeflateTerms)
    }
}
