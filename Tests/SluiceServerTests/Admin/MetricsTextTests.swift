import NIOCore
import Testing

@testable import SluiceServer

@Suite("The metrics page")
struct MetricsTextTests {
    private static func page(_ server: GatewayMetrics.Counts) -> String {
        let values = MetricsValues(
            homes: [],
            loops: [],
            server: server,
            scans: 0,
            connections: 0,
            transports: 0,
            load: MachineLoad(),
            isShedding: false,
            idempotencyKeys: 0,
            idempotencyKeysForgotten: 0,
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
}
