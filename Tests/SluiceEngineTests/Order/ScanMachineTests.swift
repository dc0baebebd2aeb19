import NIOCore
import SluiceEngine
import Testing

struct ScanMachineTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    /// The end that a life was to follow is the newest record again, or the stream was made anew.
    @Test(arguments: [40, 7] as [UInt64])
    func aHeadThatIsGoneBeforeItWasReadOpensNothing(newest: UInt64) {
        var machine = ScanMachine(patience: .seconds(10))
        var actions = machine.start()
        #expect(actions == [.askHead])
        actions = machine.headAnswered(ScanMachine.Head(sequence: 42, base: 0, prev: 40), now: self.start)
        #expect(actions == [.begin(at: 41, behind: 40)])
        actions = machine.pageEnded(isLast: true, now: self.start)
        #expect(actions == [])
        let now = self.start + .seconds(1)
        actions = machine.tick(now: now)
        #expect(actions == [.askHead])
        actions = machine.headAnswered(ScanMachine.Head(sequence: newest, base: 0, prev: 0), now: now)
        #expect(actions == [.askHead] && !machine.isOpen)
        actions = machine.headAnswered(ScanMachine.Head(sequence: newest, base: 0, prev: 0), now: now)
        #expect(actions == [.begin(at: 1, behind: 0)])
        let (verdict, _) = machine.read(newest, prev: 0, id: "a", now: now)
        actions = machine.pageEnded(isLast: true, now: now)
        #expect(verdict == .counts && actions == [.opened] && machine.isOpen)
    }
}
