import NIOCore
import SluiceBase

@testable import SluiceRelay
@testable import SluiceServer

/// Scans for the statistics.
enum TestSummary {
    static func make(
        _ id: String,
        owner: String? = nil,
        name: String? = nil,
        messages: Int = 1,
        seconds: Int64 = 1,
        isCompleted: Bool = false,
        startedAt: Int64? = nil,
        lastMessageAt: Int64? = nil
    ) -> ScanSummary {
        var fold = ScanFold(startedAt: startedAt.map { WallTime(milliseconds: $0) })
        fold.lastMessageAt = lastMessageAt.map { WallTime(milliseconds: $0) }
        return ScanSummary(
            id: ScanID(id)!,
            owner: owner,
            name: name,
            messageCount: messages,
            elapsed: .seconds(seconds),
            isCompleted: isCompleted,
            isStalled: false,
            subscriberCount: 0,
            fold: fold
        )
    }

    /// What a report says, step by step, and how many steps that took.
    static func run(_ report: StatsReport) -> (body: TestBody?, steps: Int) {
        var report = report
        for steps in 1...100_000 {
            switch report.advance() {
            case .more: continue
            case .done(let body): return (TestBody(body), steps)
            case .unknownPlace: return (nil, steps)
            }
        }
        return (nil, .max)
    }
}
