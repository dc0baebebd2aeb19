internal import NIOCore
internal import SluiceHTTP
internal import SluiceRelay

/// The services that the handlers of one event loop share.
///
/// Loop-confined.
final class LoopServices {
    let eventLoop: any EventLoop
    /// Ticks the loop's live connections about once a second.
    let wheel: ConnectionWheel
    /// The loop's subscribers.
    let fanOut: LoopFanOut
    let http: HTTPLoopContext
    /// The loop's connections to upstreams.
    let upstreams: UpstreamPool
    /// Where short bodies of answers are written, one after the other.
    var answerBody = ByteBuffer()

    init(eventLoop: any EventLoop, relay: Relay, requests: RequestMemory = RequestMemory(), tickInterval: TimeAmount) {
        self.eventLoop = eventLoop
        self.wheel = ConnectionWheel(eventLoop: eventLoop, interval: tickInterval)
        self.fanOut = relay.fanOut(of: eventLoop)
        self.http = HTTPLoopContext(eventLoop: eventLoop, memory: relay.memory, requests: requests)
        self.upstreams = UpstreamPool(eventLoop: eventLoop, memory: requests)
    }
}
