import Foundation
import GRDB
import NIOCore
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// Which messages are removed, and in which order.
@Suite
struct SQLiteRetentionTests {
    @Test("Ordinary messages go when they are too old; critical ones and state stay with the channel")
    func age() async throws {
        let bench = try StoreBench(.batched) { $0.retentionAge = .zero }
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(
            scan.post([#"{"type":"scanStarted"}"#] + (1...2500).map { _ in #"{"type":"host"}"# })
        )
        try await bench.write(scan.post([#"{"type":"progress","done":7}"#]))
        var page = try await bench.page(scan.life, through: 2502, count: 5000)
        while page.entries.count > 2 {
            try await Task.sleep(for: .milliseconds(20))
            page = try await bench.page(scan.life, through: 2502, count: 5000)
        }
        #expect(page.entries.map(\.seq) == [1, 2502])
        #expect(page.lostThrough == 2501)
        #expect(bench.store.lostThrough(scan.life) == 2501)
        #expect(bench.store.status.expiredMessages == 2500)
        #expect(try bench.restart().map(\.head) == [2502])
        #expect(bench.store.lostThrough(scan.life) == 2501)
    }

    @Test("A store that is too large gives up its oldest ordinary messages, not the newest, nor critical ones")
    func bytes() async throws {
        let bench = try StoreBench(.batched) { $0.retentionBytes = 2_000_000 }
        let scan = try TestScan("a", life: bench.store.makeLife())
        let text = #"{"type":"host","pad":"\#(String(repeating: "x", count: 1000))"}"#
        for _ in 0..<10 {
            try await bench.write(scan.post([#"{"type":"phaseStarted"}"#] + (1...500).map { _ in text }))
        }
        while bench.store.lostThrough(scan.life) < 2500 {
            try await Task.sleep(for: .milliseconds(20))
        }
        let page = try await bench.page(scan.life, through: 5010, count: 10_000)
        #expect(page.entries.filter { $0.message.fate == .critical }.count == 10)
        #expect(page.entries.last?.seq == 5010)
        #expect(page.entries.filter { $0.message.fate == .ordinary }.count < 2500)
    }

    @Test("The folded state is written down while it changes")
    func snapshots() async throws {
        let bench = try StoreBench(.batched) { $0.snapshotInterval = .milliseconds(10) }
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"progress","done":1}"#, #"{"type":"progress","done":2}"#]))
        let store = try #require(bench.store as? SQLiteStore)
        var states: [String] = []
        while states.isEmpty {
            try await Task.sleep(for: .milliseconds(20))
            states = try await store.onWriter {
                try String.fetchAll($0, sql: "SELECT state FROM scan_progress_snapshots WHERE scan_id = 'a'")
            }
        }
        #expect(states == [#"{"counts":{"progress":2},"latest":[{"seq":2,"type":"progress","done":2}]}"#])
    }

    @Test("An erased scan's messages leave the file")
    func erased() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post((1...3000).map { _ in #"{"type":"host"}"# }))
        _ = try await bench.ask { bench.store.erase(scan.header.id, promise: $0) }
        let store = try #require(bench.store as? SQLiteStore)
        var count = 1
        while count > 0 {
            try await Task.sleep(for: .milliseconds(20))
            count = try await store.onWriter {
                try Int.fetchOne($0, sql: "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM scans)") ?? 0
            }
        }
    }
}
