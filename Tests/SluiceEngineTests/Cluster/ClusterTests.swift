import Foundation
import Glibc
import NIOCore
import SluiceBase
import SluiceEngine
import SluiceRelay
import Synchronization
import Testing

/// The engine against three real servers, which `Tests/Cluster/run.sh` starts and names in `SLUICE_NATS`.
@Suite(.serialized, .enabled(if: ClusterServers.addresses.count == 3, "Tests/Cluster/run.sh starts the servers"))
struct ClusterTests {
    /// Streams of its own for each test.
    private func prefix() -> String { "t" + String(UInt32.random(in: 0 ... .max), radix: 36) }

    private func scan(_ name: String = "scan.1") throws -> ScanID { try #require(ScanID(name)) }

    private func nodes(_ count: Int, _ prefix: String, _ scan: ScanID) async throws -> [ClusterNode] {
        let nodes = (0..<count).map {
            ClusterNode("n\($0)", scan: scan, servers: ClusterServers.addresses, prefix: prefix)
        }
        for node in nodes { try await node.follow() }
        for node in nodes { #expect(try await node.sees { $0.isOpen }) }
        return nodes
    }

    private func close(_ nodes: [ClusterNode]) async throws {
        for node in nodes { try await node.close() }
    }

    @Test
    func threeNodesRaceForOneScanAndShowOneLog() async throws {
        let nodes = try await self.nodes(3, self.prefix(), try self.scan())
        let posted = try await withThrowingTaskGroup(of: (String, Seq).self) { group in
            for (index, node) in nodes.enumerated() {
                for number in 0..<200 {
                    group.addTask { ("\(index)-\(number)", try await node.post("\(index)-\(number)")) }
                }
            }
            return try await group.reduce(into: [String: UInt64]()) { $0[$1.0] = $1.1.rawValue }
        }
        #expect(posted.count == 600 && Set(posted.values).count == 600)
        for node in nodes {
            #expect(try await node.sees { $0.texts.count == 600 })
            let view = try await node.view()
            #expect(view.seqs == Array(1...600) && view.faults.isEmpty)
            #expect(view.texts.enumerated().allSatisfy { posted[$0.element] == UInt64($0.offset + 1) })
        }
        // Beats and probes come every second or sooner.
        for _ in 0..<200 where nodes.contains(where: { $0.engine.status.nodes < 3 || !$0.engine.status.isUp }) {
            try await Task.sleep(for: .milliseconds(50))
        }
        let status = nodes.map(\.engine.status)
        #expect(status.map(\.failure) == [nil, nil, nil])
        #expect(status.map(\.nodes) == [3, 3, 3])
        #expect(status.allSatisfy { $0.shards.count == 3 })
        print("void records \(status.map(\.voidRecords)), overtaken \(status.map(\.overtakenDrafts))")
        // One that comes later reads the same.
        let late = ClusterNode(
            "late",
            scan: try self.scan(),
            servers: ClusterServers.addresses,
            prefix: nodes[0].prefix
        )
        try await late.follow()
        #expect(try await late.sees { $0.isOpen })
        let (first, last) = (try await nodes[0].view(), try await late.view())
        #expect(first == last)
        try await self.close(nodes + [late])
    }

    @Test
    func historyListLastAndErase() async throws {
        let scan = try self.scan("a.b~c")
        let nodes = try await self.nodes(2, self.prefix(), scan)
        for number in 1...300 { _ = try await nodes[number % 2].post("m\(number)") }
        let epoch = try await nodes[0].view().epoch
        let header: RecordHeader? = try await nodes[0].ask { [engine = nodes[0].engine] in
            engine.last(of: scan, promise: $0)
        }
        #expect(header?.head == 300 && header?.epoch == epoch && header?.end == nil)
        var listed: [RecordHeader] = []
        // A list may be two seconds old.
        for _ in 0..<50 where listed.first?.head != 300 {
            listed = try await nodes[1].ask { [engine = nodes[1].engine] in engine.list(promise: $0) }
            #expect(listed.map(\.id) == [scan])
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(listed.map(\.head) == [300])
        // Pages forwards, from a node that has the scan open, and backwards from one that has not.
        var read: [UInt64] = []
        var cursor: Seq = 10
        while cursor < 300 {
            let page = try await self.page(nodes[0], scan, epoch, LogStretch(after: cursor, through: 300))
            read += page.entries.map(\.seq.rawValue)
            #expect(page.through > cursor && page.lostThrough == 0)
            cursor = page.through
        }
        #expect(read == Array(11...300))
        try await nodes[1].unfollow()
        let stretch = LogStretch(after: 0, through: 250, order: .descending)
        let newest = try await self.page(nodes[1], scan, epoch, stretch)
        #expect(newest.entries.map(\.seq.rawValue) == Array((151...250).reversed()) && newest.through == 150)
        // Erased, nothing of it is there but its end; what comes is a new life.
        try await nodes[0].end(.deleted)
        let place = try await nodes[0].view().place
        let _: Void = try await nodes[0].ask { [engine = nodes[0].engine] in
            engine.erase(scan, before: place, promise: $0)
        }
        let ended: RecordHeader? = try await nodes[1].ask { [engine = nodes[1].engine] in
            engine.last(of: scan, promise: $0)
        }
        #expect(ended?.end == .deleted && ended?.place == place)
        #expect(try await nodes[0].post("again") == 1)
        try await nodes[1].follow()
        #expect(try await nodes[1].sees { $0.texts == ["again"] && $0.epoch != epoch })
        try await self.close(nodes)
    }

    @Test
    func aLongLogIsOpenedFromItsCarry() async throws {
        let nodes = try await self.nodes(1, self.prefix(), try self.scan())
        let text = String(repeating: "x", count: 20_000)
        for number in 0..<200 { _ = try await nodes[0].post("\(number) \(text)") }
        // 4 MB are behind it: what a carry repeats is all of it here, for all of it is critical.
        let late = ClusterNode(
            "late",
            scan: try self.scan(),
            servers: ClusterServers.addresses,
            prefix: nodes[0].prefix
        )
        try await late.follow()
        #expect(try await late.sees { $0.isOpen })
        let (one, other) = (try await nodes[0].view(), try await late.view())
        #expect(one == other && other.texts.count == 200 && other.faults.isEmpty)
        try await self.close(nodes + [late])
    }

    @Test
    func otherShardsAndTooManyReplicasAreRefused() async throws {
        let prefix = self.prefix()
        let nodes = try await self.nodes(1, prefix, try self.scan())
        for (shards, replicas, word) in [(5, 3, "shards"), (3, 5, "replicas")] {
            let prefix = replicas == 5 ? self.prefix() : prefix
            let refusal = RefusalBox()
            let other = ClusterNode(
                "other",
                scan: try self.scan(),
                servers: ClusterServers.addresses,
                prefix: prefix,
                shards: shards,
                replicas: replicas
            ) { refusal.set($0) }
            for _ in 0..<200 where refusal.text == nil { try await Task.sleep(for: .milliseconds(50)) }
            #expect(refusal.text?.contains(word) ?? false, "\(refusal.text ?? "no refusal")")
            try await other.close()
        }
        try await self.close(nodes)
    }

    @Test
    func aLeaderThatIsKilledLosesAndDoublesNothing() async throws {
        try #require(ClusterServers.processes.count == 3)
        let nodes = try await self.nodes(3, self.prefix(), try self.scan())
        let posting = Flag()
        let longest = try await withThrowingTaskGroup(of: (Set<String>, Duration).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask {
                    var acknowledged: Set<String> = []
                    var longest = Duration.zero
                    while !posting.isSet {
                        let begun = ContinuousClock.now
                        let text = "\(index)-\(acknowledged.count)"
                        _ = try await node.post(text)
                        acknowledged.insert(text)
                        longest = max(longest, ContinuousClock.now - begun)
                    }
                    return (acknowledged, longest)
                }
            }
            // Each server stands still for longer than an election takes; whichever led the scan's stream is among them.
            for process in ClusterServers.processes {
                try await Task.sleep(for: .seconds(1))
                #expect(kill(process, SIGSTOP) == 0)
                try await Task.sleep(for: .seconds(10))
                #expect(kill(process, SIGCONT) == 0)
                try await Task.sleep(for: .seconds(10))
            }
            posting.set()
            return try await group.reduce(into: (Set<String>(), Duration.zero)) {
                $0.0.formUnion($1.0)
                $0.1 = max($0.1, $1.1)
            }
        }
        print("acknowledged \(longest.0.count), longest wait \(longest.1)")
        for node in nodes {
            #expect(try await node.sees { Set($0.texts).isSuperset(of: longest.0) })
            let view = try await node.view()
            #expect(Set(view.texts).count == view.texts.count && view.faults.isEmpty)
            #expect(view.seqs == Array(1..<UInt64(view.seqs.count + 1)))
        }
        try await self.close(nodes)
    }

    private func page(
        _ node: ClusterNode,
        _ scan: ScanID,
        _ epoch: String,
        _ stretch: LogStretch
    ) async throws -> StoredPage {
        try await node.ask { [engine = node.engine] promise in
            engine.read(
                StoredPageRequest(life: 0, stretch: stretch, maximumCount: 100, maximumBytes: 1 << 20),
                of: scan,
                epoch: epoch,
                promise: promise
            )
        }
    }
}

/// What `Tests/Cluster/run.sh` says.
private enum ClusterServers {
    static let addresses = (ProcessInfo.processInfo.environment["SLUICE_NATS"] ?? "")
        .split(separator: ",").compactMap { ServerAddress(String($0)) }
    /// Their processes, in the same order.
    static let processes = (ProcessInfo.processInfo.environment["SLUICE_NATS_PROCESSES"] ?? "")
        .split(separator: ",").compactMap { Int32($0) }
}

/// Whether something is to end.
private final class Flag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool { self.value.withLock { $0 } }

    func set() { self.value.withLock { $0 = true } }
}

/// Why an engine was refused.
private final class RefusalBox: Sendable {
    private let value = Mutex<String?>(nil)

    var text: String? { self.value.withLock { $0 } }

    func set(_ text: String) { self.value.withLock { $0 = text } }
}
