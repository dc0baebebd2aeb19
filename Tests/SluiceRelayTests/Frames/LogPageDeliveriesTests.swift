import Testing

@testable import SluiceRelay

@Suite("Pages of the log as frames")
struct LogPageDeliveriesTests {
    private static func picture(_ deliveries: [Delivery]) -> [String] {
        deliveries.map { delivery in
            switch delivery {
            case .messages(let entries): entries.map { "\($0.seq)" }.joined(separator: " ")
            case .lag(let notice): "<\(notice.skippedCount)@\(notice.since) \(notice.reason.rawValue)>"
            }
        }
    }

    @Test("Gaps become lag notices in their place, and the messages between them frames")
    func gaps() {
        var page = LogPage(through: 9, isComplete: true)
        page.items = [
            .missed(count: 2, since: 0),
            .entry(LogEntry(seq: 3, at: TestMessage.time, message: TestMessage.critical())),
            .entry(LogEntry(seq: 4, at: TestMessage.time, message: TestMessage.ordinary())),
            .missed(count: 1, since: 4),
            .entry(LogEntry(seq: 6, at: TestMessage.time, message: TestMessage.ordinary())),
        ]
        #expect(
            Self.picture(page.deliveries(.slowClient, criticalAlone: false))
                == ["<2@0 slow_client>", "3 4", "<1@4 slow_client>", "6"]
        )
        #expect(
            Self.picture(page.deliveries(.overflow, criticalAlone: true))
                == ["<2@0 overflow>", "3", "4", "<1@4 overflow>", "6"]
        )
        #expect(page.entries.map(\.seq) == [3, 4, 6])
        #expect(page.missedCount == 3)
    }
}
