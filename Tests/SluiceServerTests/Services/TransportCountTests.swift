import SluiceAdmission
import Testing

@testable import SluiceServer

@Suite("TCP connections")
struct TransportCountTests {
    private static func count(total: Int = 100_000, perAddress: Int = 100) -> TransportCount {
        var connections = GatewayConfiguration.Limits.Connections()
        connections.total = total
        connections.perAddress = perAddress
        return TransportCount(connections)
    }

    private static func name(_ answer: TransportCount.Answer) -> String {
        switch answer {
        case .admitted: "admitted"
        case .refused(let problem): problem.code.rawValue
        case .dropped: "dropped"
        }
    }

    @Test("One beyond the total is told so, and the next is let in once one is gone")
    func total() {
        let count = Self.count(total: 2)
        #expect((0..<3).map { _ in Self.name(count.open(nil)) } == ["admitted", "admitted", "overloaded"])
        count.close(nil)
        count.close(nil)
        #expect(Self.name(count.open(nil)) == "admitted")
    }

    @Test("An address has ten times its live connections, and never fewer than a thousand", arguments: [1, 100, 200])
    func address(perAddress: Int) throws {
        let count = Self.count(perAddress: perAddress)
        let key = try #require(AddressKey("192.0.2.1"))
        let bound = max(1000, perAddress * 10)
        #expect((0..<bound).allSatisfy { _ in Self.name(count.open(key)) == "admitted" })
        #expect(Self.name(count.open(key)) == "dropped")
        #expect(Self.name(count.open(AddressKey("192.0.2.2"))) == "admitted")
        #expect(Self.name(count.open(nil)) == "admitted")
        count.close(key)
        count.close(key)
        #expect(Self.name(count.open(key)) == "admitted")
    }

    @Test("While the machine is short, new ones are told to come back, and at the brink none is accepted")
    func shedding() {
        let count = Self.count()
        #expect(Self.name(count.open(nil)) == "admitted")
        count.setShedding(LoadShedder.Verdict(transportLimit: 1, acceptLimit: 2, isShedding: true))
        #expect(!count.isFull)
        #expect(Self.name(count.open(nil)) == "overloaded")
        #expect(count.isFull)
        count.setShedding(LoadShedder.Verdict())
        #expect(!count.isFull)
        #expect(Self.name(count.open(nil)) == "admitted")
    }
}
