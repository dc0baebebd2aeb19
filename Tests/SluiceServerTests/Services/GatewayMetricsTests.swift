import SluiceBase
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("What the server counts")
struct GatewayMetricsTests {
    @Test("Every close code that a client may send makes a bounded number of labels")
    func closeCodes() {
        let metrics = GatewayMetrics(startedAt: WallTime(milliseconds: 1500))
        for code in UInt16(0)...5000 {
            metrics.closed(WebSocketCloseCode(rawValue: code))
        }
        let closed = metrics.snapshot.closed
        let own = ["1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009", "1011", "1013"]
        #expect(Set(closed.keys) == Set(own + ["4401", "4403", "4404", "4429", "other"]))
        #expect(closed["1000"] == 1)
        #expect(closed["other"] == 5001 - 15)
    }

    @Test("Whatever may be counted is there from the start, at 0")
    func zeros() {
        let counts = GatewayMetrics(startedAt: WallTime(milliseconds: 1500)).snapshot
        #expect(Set(counts.refused.keys).isSuperset(of: ProblemCode.all.map(\.rawValue)))
        #expect(counts.refused["client_frames"] == 0 && counts.refused["accepts"] == 0)
        #expect(counts.opened == ["websocket": 0, "event_stream": 0, "ndjson": 0, "tunnel": 0])
        #expect(counts.handshakes == ["completed": 0, "failed": 0, "timed_out": 0])
        #expect(counts.closed.count == 16 && counts.closed.values.allSatisfy { $0 == 0 })
    }

    @Test("A refusal that is not in the list is counted all the same")
    func unlisted() {
        let metrics = GatewayMetrics(startedAt: WallTime(milliseconds: 0))
        metrics.refused("new")
        #expect(metrics.snapshot.refused["new"] == 1)
    }

    @Test("What is open is what was opened and has not ended, by its kind")
    func open() {
        let metrics = GatewayMetrics(startedAt: WallTime(milliseconds: 0))
        metrics.opened("websocket")
        metrics.opened("websocket")
        metrics.opened("ndjson")
        metrics.ended("websocket")
        #expect(metrics.snapshot.open == ["websocket": 1, "event_stream": 0, "ndjson": 1, "tunnel": 0])
        #expect(metrics.snapshot.opened == ["websocket": 2, "event_stream": 0, "ndjson": 1, "tunnel": 0])
    }

    @Test("A configuration that was refused shows until one is taken over, whose time counts")
    func reloads() {
        let metrics = GatewayMetrics(startedAt: WallTime(milliseconds: 1500))
        metrics.reloadFailed()
        #expect(metrics.snapshot.isReloadFailed && metrics.snapshot.configuredAt == 1.5)
        metrics.reloaded(at: WallTime(milliseconds: 2500))
        #expect(!metrics.snapshot.isReloadFailed && metrics.snapshot.configuredAt == 2.5)
    }
}
