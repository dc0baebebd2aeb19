import Foundation
import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite("Connections of users and addresses over all gateways")
struct SharedConnectionsTests {
    /// `SLUICE_SCHEDULES` asks for more.
    private static let seeds =
        0..<(ProcessInfo.processInfo.environment["SLUICE_SCHEDULES"].flatMap { UInt64($0) } ?? 100)

    @Test("Never one too many, whatever the order in which messages arrive", arguments: Self.seeds)
    func exact(seed: UInt64) {
        var schedule = ConnectionSchedule(seed: seed, whenFull: .refuse, disturbance: .none)
        let failures = schedule.run()
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
        #expect(schedule.closedCount == 0 && schedule.refusedCount > 0)
    }

    @Test("The oldest makes room for the newest on any node", arguments: Self.seeds)
    func oldest(seed: UInt64) {
        var schedule = ConnectionSchedule(seed: seed, whenFull: .closeOldest, disturbance: .none)
        let failures = schedule.run()
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
        #expect(schedule.closedCount > 0)
    }

    @Test("Nodes that die and come are within the limit soon after", arguments: Self.seeds)
    func nodesChange(seed: UInt64) {
        let whenFull = ConnectionLimits.Configuration.WhenFull.allCases[Int(seed % 2)]
        var schedule = ConnectionSchedule(seed: seed, whenFull: whenFull, disturbance: .nodes)
        let failures = schedule.run()
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    @Test("What was lost is made good once all was told anew", arguments: Self.seeds)
    func losses(seed: UInt64) {
        var schedule = ConnectionSchedule(seed: seed, whenFull: .refuse, disturbance: .losses)
        let failures = schedule.run()
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    @Test("A node that lost messages has another name, and tells all of it anew")
    func renamed() {
        let nodes = { (own: String) in PeerSet(own: PeerID(own), others: ["b", "c"].map { PeerID($0) }) }
        var one = SharedConnections(limits: ConnectionLimits.Configuration(), nodes: nodes("a-1"))
        let (id, _) = one.ask([.user("u")], since: 7, now: 0)
        let name = SharedConnections.Name(node: PeerID("a-2"), id: id, since: 7)
        let told = SharedConnections.Message.told(.user("u"), [name], isNews: true)
        let actions = one.nodesChanged(nodes("a-2"), now: 1)
        let sent = actions.contains { if case .send(_, told) = $0 { true } else { false } }
        #expect(sent || nodes("a-2").keeper(of: SharedConnections.Key.user("u").bytes) == PeerID("a-2"))
    }

    @Test("Those inside stay where fewer are allowed than before")
    func fewer() {
        var limits = ConnectionLimits.Configuration()
        limits.perUser = 3
        var one = SharedConnections(limits: limits, nodes: PeerSet(own: PeerID("a")))
        for _ in 0..<3 {
            _ = one.ask([.user("u")], since: 1, now: 0)
        }
        one.limits.perUser = 1
        let later = SharedConnections.retelling
        #expect(one.tick(now: 1).isEmpty && one.tick(now: later + 1).isEmpty && one.tick(now: 2 * later).isEmpty)
        #expect(one.ask([.user("u")], since: 1, now: 0).1.contains(.refuse(4, .user)))
    }

    @Test("A node alone decides at once")
    func alone() {
        var limits = ConnectionLimits.Configuration()
        limits.perUser = 1
        var one = SharedConnections(limits: limits, nodes: PeerSet(own: PeerID("a")))
        #expect(one.ask([.user("u")], since: 1, now: 0).1 == [.admit(1)])
        #expect(one.ask([.user("u")], since: 2, now: 0).1 == [.refuse(2, .user)])
        #expect(one.ask([], since: 2, now: 0).1 == [.admit(3)])
        #expect(one.release(1, now: 0).isEmpty && one.release(1, now: 0).isEmpty)
        #expect(one.ask([.user("u")], since: 3, now: 0).1 == [.admit(4)])
        one.limits.total = 2
        #expect(one.ask([.user("v")], since: 4, now: 0).1 == [.refuse(5, .total)])
    }
}
