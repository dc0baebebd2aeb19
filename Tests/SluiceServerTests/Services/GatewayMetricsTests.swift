import Testing

@testable import SluiceServer

@Suite("What the server counts")
struct GatewayMetricsTests {
    @Test("Every close code that a client may send makes a bounded number of labels")
    func closeCodes() {
        let metrics = GatewayMetrics()
        for code in UInt16(0)...5000 {
            metrics.closed(WebSocketCloseCode(rawValue: code))
        }
        let closed = metrics.snapshot.closed
        let own = ["1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009", "1011", "1013"]
        #expect(Set(closed.keys) == Set(own + ["4401", "4403", "4404", "4429", "other"]))
        #expect(closed["1000"] == 1)
        #expect(closed["other"] == 5001 - 15)
    }
}
