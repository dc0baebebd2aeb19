import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Who is in the shared deflate stream")
struct StreamPlanTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    @Test("The first frame lets everybody in, and the next refers to it")
    func firstFrame() {
        var plan = StreamPlan(isWithoutContext: false)
        plan.memberJoined()
        #expect(plan.needsPlain)
        let first = plan.frameDue(mayAdmit: true, now: self.start)
        #expect(first == StreamPlan.Step(isEntryPoint: true, admitsNewcomers: true, needsPlain: false))
        let second = plan.frameDue(mayAdmit: true, now: self.start)
        #expect(second == StreamPlan.Step(isEntryPoint: false, admitsNewcomers: false, needsPlain: false))
    }

    @Test("Newcomers wait uncompressed until a second has passed since the last entry point")
    func newcomersWait() {
        var plan = StreamPlan(isWithoutContext: false)
        plan.memberJoined()
        _ = plan.frameDue(mayAdmit: true, now: self.start)
        plan.memberJoined()
        let early = plan.frameDue(mayAdmit: true, now: self.start + .milliseconds(999))
        #expect(early == StreamPlan.Step(isEntryPoint: false, admitsNewcomers: false, needsPlain: true))
        let later = plan.frameDue(mayAdmit: true, now: self.start + .seconds(1))
        #expect(later == StreamPlan.Step(isEntryPoint: true, admitsNewcomers: true, needsPlain: false))
    }

    @Test("Nobody is let in behind a compressed frame of the same write")
    func notWithinAWrite() {
        var plan = StreamPlan(isWithoutContext: false)
        plan.memberJoined()
        #expect(plan.frameDue(mayAdmit: false, now: self.start).needsPlain == true)
        #expect(plan.frameDue(mayAdmit: true, now: self.start).admitsNewcomers == true)
    }

    @Test("Without context every frame refers to nothing, and newcomers need not wait")
    func withoutContext() {
        var plan = StreamPlan(isWithoutContext: true)
        plan.memberJoined()
        #expect(plan.frameDue(mayAdmit: true, now: self.start).admitsNewcomers == true)
        #expect(plan.frameDue(mayAdmit: true, now: self.start).isEntryPoint == true)
        plan.memberJoined()
        #expect(plan.frameDue(mayAdmit: true, now: self.start).admitsNewcomers == true)
    }
}
