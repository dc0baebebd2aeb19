internal import NIOCore
internal import SluiceBase
internal import SluiceRelay
internal import SluiceWire

/// How the gateway ends an event stream: by an event of a type that no scanner may use.
struct EventStreamEnd: Equatable {
    /// The event's type.
    static let type = "sluice.close"

    /// A WebSocket's close code.
    var code: UInt16
    var reason: String
    /// How long the reader should stay away; nil if the time from the stream's start still holds.
    var retryMilliseconds: Int?

    init(code: UInt16, reason: String) {
        self.code = code
        self.reason = reason
    }

    init(_ closing: Closing) {
        self.init(code: closing.code, reason: closing.reason)
        if case .draining(let milliseconds) = closing {
            self.retryMilliseconds = milliseconds
        }
    }

    /// Writes the stream's last event.
    ///
    /// An unnamed event says in its data what it is, like all events of the gateway's own.
    func write(isChunked: Bool, isNamed: Bool, into buffer: inout ByteBuffer) {
        if let milliseconds = self.retryMilliseconds {
            EventText.writeRetry(milliseconds: milliseconds, isChunked: isChunked, into: &buffer)
        }
        var writer = JSONWriter(capacity: 64)
        writer.beginObject()
        if !isNamed {
            writer.member("type", Self.type)
        }
        writer.member("code", Int(self.code))
        writer.member("reason", self.reason)
        writer.endObject()
        EventText.write(
            isChunked: isChunked,
            id: nil,
            type: isNamed ? Self.type : nil,
            data: writer.buffer,
            into: &buffer
        )
    }
}
