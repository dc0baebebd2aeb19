import NIOCore
import Testing

@testable import SluiceHTTP

@Suite struct HTTP2AbuseMachineTests {
    private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

    /// How many of these frames in a row are taken before one is too many, at one moment.
    private static func taken(_ head: HTTP2FrameHead, atMost count: Int = 2000) -> Int {
        var machine = HTTP2AbuseMachine()
        for index in 0..<count where machine.received(head, now: Self.start) {
            return index
        }
        return count
    }

    @Test(arguments: [
        (HTTP2FrameHead(.resetStream, streamID: 1, payloadByteCount: 4), 200),
        (HTTP2FrameHead(.settings), 1000),
        (HTTP2FrameHead(.settings, payloadByteCount: 192), 1000),
        (HTTP2FrameHead(.settings, payloadByteCount: 198), 0),
        (HTTP2FrameHead(.goAway, payloadByteCount: 8), 1000),
        (HTTP2FrameHead(.ping, payloadByteCount: 8), 1000),
        (HTTP2FrameHead(.data, streamID: 1), 1000),
        (HTTP2FrameHead(.data, flags: 0x8, streamID: 1, payloadByteCount: 10, start: 9), 1000),
        (HTTP2FrameHead(.priority, streamID: 1, payloadByteCount: 5), 1000),
        (HTTP2FrameHead(nil, payloadByteCount: 5), 1000),
        (HTTP2FrameHead(.windowUpdate, payloadByteCount: 4, start: 1), 1000),
        (HTTP2FrameHead(.windowUpdate, streamID: 1, payloadByteCount: 4, start: 1 << 20), 1000),
    ])
    func `so many frames that say nothing are taken, and not one more`(_ head: HTTP2FrameHead, _ count: Int) {
        #expect(Self.taken(head) == count)
    }

    @Test(arguments: [
        HTTP2FrameHead(.data, streamID: 1, payloadByteCount: 1),
        HTTP2FrameHead(.data, flags: 0x1, streamID: 1),
        HTTP2FrameHead(.data, flags: 0x8, streamID: 1, payloadByteCount: 10, start: 8),
        HTTP2FrameHead(.headers, flags: 0x4, streamID: 1, payloadByteCount: 20),
    ])
    func `frames that say something are not counted`(_ head: HTTP2FrameHead) {
        #expect(Self.taken(head) == 2000)
    }

    @Test func `kinds are counted apart`() {
        var machine = HTTP2AbuseMachine()
        for _ in 0..<1000 {
            #expect(machine.received(HTTP2FrameHead(.ping, payloadByteCount: 8), now: Self.start) == false)
            #expect(machine.received(HTTP2FrameHead(.settings), now: Self.start) == false)
        }
        #expect(machine.received(HTTP2FrameHead(.settings), now: Self.start) == true)
    }

    @Test func `ten seconds later all is forgotten, and no sooner`() {
        let ping = HTTP2FrameHead(.ping, payloadByteCount: 8)
        var machine = HTTP2AbuseMachine()
        for _ in 0..<1000 { _ = machine.received(ping, now: Self.start) }
        var early = machine
        #expect(early.received(ping, now: Self.start + .seconds(9)) == true)
        #expect(machine.received(ping, now: Self.start + .seconds(10)) == false)
    }

    @Test func `a hundred a second can go on for ever`() {
        let ping = HTTP2FrameHead(.ping, payloadByteCount: 8)
        var machine = HTTP2AbuseMachine()
        for second in 0..<60 {
            for _ in 0..<100 {
                #expect(machine.received(ping, now: Self.start + .seconds(Int64(second))) == false)
            }
        }
    }

    @Test func `resets that a client causes count like its own`() {
        var machine = HTTP2AbuseMachine()
        let reset = HTTP2FrameHead(.resetStream, streamID: 1, payloadByteCount: 4)
        for _ in 0..<100 {
            #expect(machine.received(reset, now: Self.start) == false)
            #expect(machine.sentReset(now: Self.start) == false)
        }
        #expect(machine.sentReset(now: Self.start) == true)
    }

    @Test func `window updates that return what was sent are not counted`() {
        var machine = HTTP2AbuseMachine()
        for _ in 0..<3000 {
            machine.sentData()
            let connection = HTTP2FrameHead(.windowUpdate, payloadByteCount: 4, start: 100)
            let stream = HTTP2FrameHead(.windowUpdate, streamID: 1, payloadByteCount: 4, start: 100)
            #expect(machine.received(connection, now: Self.start) == false)
            #expect(machine.received(stream, now: Self.start) == false)
        }
    }

    @Test func `a window opened byte by byte frees nothing`() {
        var machine = HTTP2AbuseMachine()
        machine.sentData()
        let drip = HTTP2FrameHead(.windowUpdate, streamID: 1, payloadByteCount: 4, start: 1)
        for _ in 0..<1010 { #expect(machine.received(drip, now: Self.start) == false) }
        #expect(machine.received(drip, now: Self.start) == true)
    }

    @Test func `a header block has sixteen continuations and 64 KiB`() {
        var machine = HTTP2AbuseMachine()
        #expect(machine.received(HTTP2FrameHead(.headers, streamID: 1, payloadByteCount: 1), now: Self.start) == false)
        let next = HTTP2FrameHead(.continuation, streamID: 1, payloadByteCount: 1)
        for _ in 0..<16 { #expect(machine.received(next, now: Self.start) == false) }
        #expect(machine.isWithinHeaderBlock)
        #expect(machine.received(next, now: Self.start) == true)

        machine = HTTP2AbuseMachine()
        let whole = HTTP2FrameHead(.headers, streamID: 1, payloadByteCount: 16384)
        #expect(machine.received(whole, now: Self.start) == false)
        let more = HTTP2FrameHead(.continuation, flags: 0x4, streamID: 1, payloadByteCount: 16384)
        for _ in 0..<3 { #expect(machine.received(more, now: Self.start) == false) }
        #expect(machine.received(next, now: Self.start) == true)

        // The next block begins anew.
        machine.ended(more)
        #expect(!machine.isWithinHeaderBlock)
        #expect(machine.received(whole, now: Self.start) == false)
        #expect(machine.received(more, now: Self.start) == false)
    }
}
