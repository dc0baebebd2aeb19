import Testing

@testable import SluiceServer

@Suite("Shedding load")
struct LoadShedderTests {
    private static func load(open: Int, limit: Int = 1024, resident: Int = 0) -> MachineLoad {
        MachineLoad(openDescriptors: open, descriptorLimit: limit, residentBytes: resident)
    }

    @Test("With room for all, nothing is done")
    func calm() {
        var shedder = LoadShedder()
        let verdict = shedder.look(Self.load(open: 120), transports: 100, memoryMark: nil)
        #expect(!verdict.isShedding)
        #expect(verdict.slowReadersToClose == 0)
        #expect(verdict.transportLimit > 800)
    }

    @Test(
        "Some descriptors are always kept back, and before those come some for saying so",
        arguments: [64, 256, 1024, 65_536, 1_048_576]
    )
    func reserve(limit: Int) {
        var shedder = LoadShedder()
        let verdict = shedder.look(Self.load(open: 30, limit: limit), transports: 10, memoryMark: nil)
        #expect(verdict.acceptLimit + 20 + 16 <= limit)
        #expect(verdict.transportLimit + verdict.toldLimit == verdict.acceptLimit)
        #expect(verdict.toldLimit >= min(16, verdict.acceptLimit / 2))
        #expect(verdict.transportLimit > 0)
        // Closing connections, and four more of one turn, leave half of the reserve.
        #expect(verdict.pauseLimit + 20 + 4 < limit)
        #expect(verdict.pauseLimit >= verdict.acceptLimit + 8)
    }

    @Test("Descriptors that others hold are not given to connections")
    func others() {
        var shedder = LoadShedder()
        let few = shedder.look(Self.load(open: 30), transports: 10, memoryMark: nil)
        let many = shedder.look(Self.load(open: 330), transports: 10, memoryMark: nil)
        #expect(few.acceptLimit - many.acceptLimit == 300)
    }

    @Test("First nobody new is taken; the slowest go only if that does not help")
    func order() {
        var shedder = LoadShedder()
        let first = shedder.look(Self.load(open: 1000), transports: 980, memoryMark: nil)
        #expect(first.isShedding)
        #expect(first.slowReadersToClose == 0)
        let second = shedder.look(Self.load(open: 1000), transports: 980, memoryMark: nil)
        #expect(second.slowReadersToClose == 980 / 50)
        let third = shedder.look(Self.load(open: 200), transports: 180, memoryMark: nil)
        #expect(!third.isShedding)
        #expect(third.slowReadersToClose == 0)
    }

    @Test("At the memory's mark nobody new is taken until some of it is free again")
    func memory() {
        var shedder = LoadShedder()
        let steps: [(resident: Int, isShedding: Bool)] = [
            (999, false), (1000, true), (970, true), (950, true), (949, false), (999, false), (1001, true),
        ]
        for step in steps {
            let verdict = shedder.look(Self.load(open: 50, resident: step.resident), transports: 5, memoryMark: 1000)
            #expect(verdict.isShedding == step.isShedding, "\(step.resident)")
            #expect((verdict.transportLimit == 0) == step.isShedding, "\(step.resident)")
            #expect(verdict.isOverMemory == step.isShedding, "\(step.resident)")
        }
    }

    @Test("The load of this process can be measured")
    func measured() throws {
        let load = MachineLoad.measured()
        #expect(load.openDescriptors > 2)
        #expect(load.openDescriptors < load.descriptorLimit)
        #expect(load.residentBytes > 1 << 20)
        #expect(try #require(load.memoryBytes) > load.residentBytes)
    }
}
