import SluiceAdmission
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("TCP connections")
struct TransportLimitsTests {
    /// Stands for a channel.
    private final class Peer {}

    /// Connections, and the decision about each.
    private struct Door {
        var limits: TransportLimits
        private var peers: [Peer] = []
        private var addresses: [AddressKey?] = []
        private var answers: [TransportLimits.Answer] = []

        init(total: Int = 100_000, perAddress: Int = 100, accepts: Int = 1_000_000) {
            var configuration = GatewayConfiguration.Limits()
            configuration.connections.total = total
            configuration.connections.perAddress = perAddress
            configuration.accepts = .init(rate: 50, burst: accepts)
            self.limits = TransportLimits(configuration)
        }

        /// Sets how many connections the machine has room for, and how many of them only get a refusal.
        mutating func setRoom(_ count: Int, told: Int) {
            self.limits.verdict.acceptLimit = count
            self.limits.verdict.transportLimit = count - told
            self.limits.verdict.toldLimit = told
            self.limits.verdict.pauseLimit = count + 8
        }

        /// The number of the connection is its place in the order of these calls.
        mutating func open(_ address: AddressKey? = nil, now: UInt64 = 0) -> String {
            let peer = Peer()
            let answer = self.limits.open(ObjectIdentifier(peer), from: address, now: now)
            self.peers.append(peer)
            self.addresses.append(address)
            self.answers.append(answer)
            switch answer {
            case .admitted:
                return "admitted"
            case .told(let shortage, nil):
                return "told \(shortage)"
            case .told(let shortage, let evicted?):
                let number = self.peers.firstIndex { ObjectIdentifier($0) == evicted }
                return "told \(shortage) instead of \(number.map(String.init) ?? "a stranger")"
            case .closed(let refusal):
                return "closed \(refusal.rawValue)"
            }
        }

        mutating func close(_ number: Int) {
            self.limits.close(
                ObjectIdentifier(self.peers[number]),
                from: self.addresses[number],
                self.answers[number]
            )
        }

        mutating func hear(_ number: Int) {
            self.limits.hear(ObjectIdentifier(self.peers[number]))
        }
    }

    @Test("One beyond the total is told so, and the next is let in once one is gone")
    func total() {
        var door = Door(total: 2)
        #expect((0..<3).map { _ in door.open() } == ["admitted", "admitted", "told total"])
        door.close(0)
        #expect(door.open() == "told total")
        door.close(2)
        door.close(3)
        #expect(door.open() == "admitted")
        #expect(door.limits.count == 2)
    }

    @Test("An address has ten times its live connections, and never fewer than a thousand", arguments: [1, 100, 200])
    func address(perAddress: Int) throws {
        var door = Door(perAddress: perAddress)
        let key = try #require(AddressKey("192.0.2.1"))
        let bound = max(1000, perAddress * 10)
        for _ in 0..<bound {
            #expect(door.open(key) == "admitted")
        }
        #expect(door.open(key) == "closed address_connections")
        #expect(door.open(AddressKey("192.0.2.2")) == "admitted")
        #expect(door.open(nil) == "admitted")
        door.close(0)
        #expect(door.open(key) == "admitted")
    }

    @Test("An address that opens connections too fast is closed before anything else, and others are not")
    func accepts() throws {
        var door = Door(accepts: 3)
        let key = try #require(AddressKey("192.0.2.1"))
        #expect((0..<4).map { _ in door.open(key) } == ["admitted", "admitted", "admitted", "closed accepts"])
        #expect(door.open(AddressKey("192.0.2.2")) == "admitted")
        #expect((0..<5).map { _ in door.open(nil) } == [String](repeating: "admitted", count: 5))
        // Fifty a second: one more after 20 ms.
        #expect(door.open(key, now: 19_000_000) == "closed accepts")
        #expect(door.open(key, now: 20_000_000) == "admitted")
        #expect(door.limits.count == 10)
        #expect(door.limits.leavingCount == 2)
        door.close(3)
        #expect(door.limits.leavingCount == 1)
        var limits = GatewayConfiguration.Limits()
        limits.accepts = .init(rate: 1, burst: 1000)
        door.limits.replace(limits)
        for _ in 0..<900 {
            #expect(door.open(key, now: 20_000_000) == "admitted")
        }
    }

    @Test("A client that a load balancer names counts like one that came by itself")
    func named() throws {
        var door = Door(perAddress: 1, accepts: 1001)
        let key = try #require(AddressKey("192.0.2.1"))
        for _ in 0..<999 {
            #expect(door.limits.name(key, now: 0) == nil)
        }
        #expect(door.open(key) == "admitted")
        #expect(door.limits.name(key, now: 0) == .addressConnections)
        #expect(door.limits.name(key, now: 0) == .accepts)
        door.limits.release(key)
        #expect(door.limits.name(key, now: 20_000_000) == nil)
        #expect(try door.limits.name(#require(AddressKey("192.0.2.2")), now: 0) == nil)
    }

    @Test("Without room a newcomer takes the place of the mute one that was told so first")
    func eviction() {
        var door = Door()
        door.setRoom(5, told: 2)
        #expect((0..<3).map { _ in door.open() } == ["admitted", "admitted", "admitted"])
        #expect((0..<2).map { _ in door.open() } == ["told resources", "told resources"])
        // Connection 3 is about to ask for something, 4 is mute.
        door.hear(3)
        #expect(door.open() == "told resources instead of 4")
        #expect(door.open() == "told resources instead of 5")
        door.hear(6)
        // All that are left have said something: the first of them goes.
        #expect(door.open() == "told resources instead of 3")
        #expect(door.limits.count == 5)
        #expect(door.limits.leavingCount == 3)
        for number in [3, 4, 5] {
            door.close(number)
        }
        #expect(door.limits.leavingCount == 0)
        #expect(door.limits.count == 5)
        // A connection inside the room is never cut for a new one.
        for _ in 0..<1000 {
            let answer = door.open()
            #expect(!["0", "1", "2"].contains { answer.hasSuffix("instead of \($0)") })
        }
        #expect(door.limits.count == 5)
    }

    @Test("Where others took the descriptors, one place is left to say so; without it the newcomer is closed at once")
    func brink() {
        var door = Door()
        #expect((0..<4).map { _ in door.open() } == [String](repeating: "admitted", count: 4))
        door.setRoom(3, told: 2)
        #expect(door.open() == "told resources")
        #expect(door.open() == "told resources instead of 4")
        #expect(door.limits.count == 5)
        door.close(5)
        door.limits.verdict.pauseLimit = 4
        #expect(door.open() == "closed overloaded")
        #expect(door.limits.count == 4)
    }

    @Test("So many that are on their way out stop accepting, until they are gone")
    func pause() {
        var door = Door()
        door.setRoom(4, told: 2)
        #expect(!door.limits.isFull)
        for _ in 0..<12 {
            _ = door.open()
        }
        #expect(door.limits.count == 4)
        #expect(door.limits.leavingCount == 8)
        #expect(door.limits.isFull)
        door.close(2)
        #expect(!door.limits.isFull)
    }

    @Test("Over the mark of memory everybody new is told so, a bounded number at a time")
    func memory() {
        var door = Door()
        #expect(door.open() == "admitted")
        door.limits.verdict = LoadShedder.Verdict(transportLimit: 0, isShedding: true)
        for number in 1...LoadShedder.Verdict().toldLimit {
            #expect(door.open() == "told resources", "\(number)")
        }
        #expect(door.open() == "told resources instead of 1")
        door.limits.verdict = LoadShedder.Verdict()
        #expect(door.open() == "admitted")
    }
}
