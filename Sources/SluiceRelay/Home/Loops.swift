import NIOCore
internal import SluiceBase

/// The event loops of the gateway, and the subscribers of each.
///
/// A command for a loop's subscribers runs at once on the loop itself and hops from any other. From one home to one
/// loop commands keep their order; joining and leaving a group rely on it.
struct Loops: Sendable {
    private let fanOuts: [NIOLoopBoundBox<LoopFanOut>]
    let eventLoops: [any EventLoop]

    init(_ eventLoops: [any EventLoop]) {
        self.eventLoops = eventLoops
        self.fanOuts = eventLoops.map { eventLoop in
            NIOLoopBoundBox.makeBoxSendingValue(
                LoopFanOut(eventLoop: eventLoop, wallClock: WallTime.now),
                eventLoop: eventLoop
            )
        }
    }

    var count: Int { self.eventLoops.count }

    /// The index of a scan's home: the same in every run, so reports compare.
    func home(of id: ScanID) -> Int {
        Int(StableHash.of(id.text) % UInt64(self.count))
    }

    /// The subscribers of a loop; call it on that loop.
    func fanOut(_ loop: Int) -> LoopFanOut {
        self.fanOuts[loop].value
    }

    func run(on loop: Int, _ command: @escaping @Sendable (LoopFanOut) -> Void) {
        let box = self.fanOuts[loop]
        if self.eventLoops[loop].inEventLoop {
            command(box.value)
        } else {
            self.eventLoops[loop].execute { command(box.value) }
        }
    }
}
