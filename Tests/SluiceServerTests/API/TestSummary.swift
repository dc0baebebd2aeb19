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
        isStalled: Bool = false,
        error: String? = nil,
        severities: [String: Int] = [:],
        startedAt: Int64? = nil,
        lastMessageAt: Int64? = nil
    ) -> ScanSummary {
        var fold = ScanFold(startedAt: startedAt.map { WallTime(milliseconds: $0) })
        fold.severities = severities
        fold.ending = isCompleted ? error.map { .failed(text: $0) } ?? .completed : nil
        fold.lastMessageAt = lastMessageAt.map { WallTime(milliseconds: $0) }
        return ScanSummary(
            id: ScanID(id)!,
            owner: owner,
            name: name,
            messageCount: messages,
            elapsed: .seconds(seconds),
            isCompleted: isCompleted,
            isStalled: isStalled,
            subscriberCount: 0,
            fold: fold
        )
    }
}
