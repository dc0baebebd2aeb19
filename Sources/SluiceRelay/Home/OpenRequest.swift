import DequeModule
import NIOCore

/// A request whose messages are taken over several turns of the loop, and what came for its scan meanwhile.
struct OpenRequest {
    let request: IngestRequest
    let promise: EventLoopPromise<IngestReceipt>
    /// The number of its first message.
    let first: Seq
    /// The messages that are not taken yet.
    var rest: ArraySlice<Message>
    /// What waits for its end, in order.
    var waiting: Deque<() -> Void> = []
}
