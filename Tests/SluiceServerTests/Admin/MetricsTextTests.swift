import NIOCore
import SluiceBase
import SluiceRelay
import Testing

@testable import SluiceServer

@Suite("The metrics page")
struct MetricsTextTests {
    private static func page(_ server: GatewayMetrics.Counts, homes: [HomeCounts] = []) -> String {
        let values = MetricsValues(
            homes: homes,
            loops: [],
            server: server,
            scans: 0,
            connections: 0,
            transports: 0,
            load: MachineLoad(),
            isShedding: false,
            idempotencyKeys: 0,
            idempotencyKeysForgotten: 0,
            requestBytes: 0,
            compressorBytes: 0,
            compressorsRefused: 0,
            isDraining: false
        )
        return String(buffer: MetricsText.page(values))
    }

    @Test("What a label may not hold as it is comes escaped", arguments: ["\n", "\r\n", "a\n\u{301}"])
    func labels(newline: String) {
        let server = GatewayMetrics.Counts(refused: ["a\"b\\c\(newline)": 3])
        let escaped = newline.unicodeScalars.map { $0 == "\n" ? "\\n" : String($0) }.joined()
        #expect(Self.page(server).contains("sluice_refused_total{code=\"a\\\"b\\\\c\(escaped)\"} 3\n"))
    }

    @Test("A histogram is the sum of all loops, each bucket with those before it")
    func histograms() {
        var homes = [HomeCounts(), HomeCounts()]
        homes[0].batchSizes.observe(1)
        homes[0].batchSizes.observe(3, times: 2)
        homes[1].batchSizes.observe(1001)
        let lines = Self.page(GatewayMetrics.Counts(), homes: homes).split(separator: "\n")
            .filter { $0.contains("sluice_batch_messages") }
        #expect(
            lines == [
                "# HELP sluice_batch_messages Messages in each frame of live messages, once for each group.",
                "# TYPE sluice_batch_messages histogram",
                "sluice_batch_messages_bucket{le=\"1\"} 1",
                "sluice_batch_messages_bucket{le=\"2\"} 1",
                "sluice_batch_messages_bucket{le=\"5\"} 3",
                "sluice_batch_messages_bucket{le=\"10\"} 3",
                "sluice_batch_messages_bucket{le=\"20\"} 3",
                "sluice_batch_messages_bucket{le=\"50\"} 3",
                "sluice_batch_messages_bucket{le=\"100\"} 3",
                "sluice_batch_messages_bucket{le=\"200\"} 3",
                "sluice_batch_messages_bucket{le=\"500\"} 3",
                "sluice_batch_messages_bucket{le=\"1000\"} 3",
                "sluice_batch_messages_bucket{le=\"+Inf\"} 4",
                "sluice_batch_messages_sum 1008",
                "sluice_batch_messages_count 4",
            ]
        )
    }

    @Test("Bounds below one are written as Prometheus writes them")
    func smallBounds() {
        let page = Self.page(GatewayMetrics.Counts())
        #expect(page.contains("sluice_delivery_seconds_bucket{le=\"0.0025\"} 0\n"))
        #expect(page.contains("sluice_delivery_seconds_bucket{le=\"60\"} 0\n"))
    }
}
