import SluiceBase
import TestSupport
import Testing

@testable import SluiceAdmission

@Suite struct ConnectionLimitsTests {
    private func limits(
        total: Int = 100,
        perUser: Int = 2,
        perAddress: Int = 3,
        whenFull: ConnectionLimits.Configuration.WhenFull = .refuse
    ) -> ConnectionLimits {
        var configuration = ConnectionLimits.Configuration()
        configuration.total = total
        configuration.perUser = perUser
        configuration.perAddress = perAddress
        configuration.whenFull = whenFull
        return ConnectionLimits(configuration: configuration)
    }

    @Test func `one more than a user may have is refused, until one is released`() {
        var limits = self.limits()
        let answers = (["a", "a", "a", "b"] as [ByteName]).map { limits.admit(user: $0, address: nil) }
        #expect(answers == [.admitted(1), .admitted(2), .refused(.user), .admitted(3)])
        limits.release(1)
        limits.release(1)
        let again = [limits.admit(user: "a", address: nil), limits.admit(user: "a", address: nil)]
        #expect(again == [.admitted(4), .refused(.user)])
    }

    @Test func `or the user's oldest is closed, each once`() {
        var limits = self.limits(whenFull: .closeOldest)
        let answers = (0..<4).map { _ in limits.admit(user: "a", address: nil) }
        #expect(
            answers == [
                .admitted(1), .admitted(2), .admittedClosing(3, oldest: 1), .admittedClosing(4, oldest: 2),
            ]
        )
        #expect(limits.count == 4)
        limits.release(1)
        limits.release(2)
        limits.release(4)
        check(limits.admit(user: "a", address: nil), .admitted(5))
        check(limits.admit(user: "a", address: nil), .admittedClosing(6, oldest: 3))
    }

    @Test func `addresses and the whole are counted too`() {
        var limits = self.limits(total: 5)
        let near = AddressKey("192.0.2.1")
        let answers = (0..<4).map { limits.admit(user: "\($0)", address: near) }
        #expect(answers == [.admitted(1), .admitted(2), .admitted(3), .refused(.address)])
        let far = (0..<3).map { limits.admit(user: nil, address: AddressKey("2001:db8:0:\($0)::1")) }
        #expect(far == [.admitted(4), .admitted(5), .refused(.total)])
        limits.release(2)
        check(limits.admit(user: nil, address: near), .admitted(6))
    }

    @Test func `a smaller number closes nobody, and holds for who comes`() {
        var limits = self.limits()
        _ = limits.admit(user: "a", address: nil)
        _ = limits.admit(user: "a", address: nil)
        limits.configuration.perUser = 1
        #expect(limits.count == 2)
        limits.release(1)
        check(limits.admit(user: "a", address: nil), .refused(.user))
    }

    @Test(arguments: [1, 2, 3])
    func `a random history never counts more than there may be`(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let whenFull: ConnectionLimits.Configuration.WhenFull = seed == 2 ? .closeOldest : .refuse
        var limits = self.limits(total: 10, perUser: 2, perAddress: 3, whenFull: whenFull)
        var open: [(id: UInt64, user: Int, address: Int, counts: Bool)] = []
        for _ in 0..<5000 {
            if Bool.random(using: &generator), let index = open.indices.randomElement(using: &generator) {
                limits.release(open.remove(at: index).id)
            } else {
                let user = Int.random(in: 0..<6, using: &generator)
                let address = Int.random(in: 0..<5, using: &generator)
                switch limits.admit(user: "\(user)", address: AddressKey("192.0.2.\(address)")) {
                case .admitted(let id):
                    open.append((id, user, address, true))
                case .admittedClosing(let id, let oldest):
                    let index = open.firstIndex { $0.id == oldest }!
                    #expect(open[index].user == user)
                    #expect(!open.contains { $0.user == user && $0.counts && $0.id < oldest })
                    open[index].counts = false
                    open.append((id, user, address, true))
                case .refused(.total):
                    #expect(open.count == 10)
                case .refused(.address):
                    #expect(open.count { $0.address == address } == 3)
                case .refused(.user):
                    #expect(open.count { $0.user == user } == 2)
                }
            }
            #expect(limits.count == open.count && open.count <= 10)
            #expect((0..<6).allSatisfy { user in open.count { $0.user == user && $0.counts } <= 2 })
            #expect((0..<5).allSatisfy { address in open.count { $0.address == address } <= 3 })
        }
        for connection in open {
            limits.release(connection.id)
        }
        #expect(limits.count == 0)
    }
}
