import NIOCore

@testable import SluiceRelay

/// Time as a picture: posts on one line, the frames that a group sends on the next.
///
/// Each character of the posts is a step of time: `-` nothing, a lower-case letter an ordinary message of that type,
/// `!` a critical one, and a digit or a capital state with that key; posts in `(…)` come in one step. The frames have a
/// `-` for a step without any, `[ab]` for a frame, and `<2@5>` for a notice that 2 are lost after seq 5.
struct Timeline {
    var step = TimeAmount.milliseconds(50)
    var filter = TypeFilter.everything
    var framesPerSecond = 0.0
    var isBatched = true
    var maximumBatchCount = 50
    var maximumPendingCount = 1000
    var maximumPendingBytes = 4 * 1024 * 1024

    /// The frames that a group sends for the posts.
    func frames(for posts: String) -> String {
        var limits = DeliveryGroup.Limits(RelayConfiguration())
        limits.maximumBatchCount = self.maximumBatchCount
        limits.maximumPendingCount = self.maximumPendingCount
        limits.maximumPendingBytes = self.maximumPendingBytes
        let terms = DeliveryTerms(filter: filter, framesPerSecond: framesPerSecond, isBatched: isBatched)
        var group = DeliveryGroup(terms: terms, limits: limits, head: 0)
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        var seq: Seq = 0
        var picture = ""
        for step in Self.steps(of: posts) {
            group.poll(now: now)
            for symbol in step {
                seq = seq.next
                group.append(LogEntry(seq: seq, at: TestMessage.time, message: Self.message(symbol)), now: now)
            }
            let frames = group.take().map(Self.picture).joined()
            group.handedOver(now: now)
            picture += frames.isEmpty ? "-" : frames
            now = now + self.step
        }
        return picture
    }

    private static func steps(of posts: String) -> [[Character]] {
        var steps: [[Character]] = []
        var isTogether = false
        for symbol in posts {
            switch symbol {
            case "(":
                isTogether = true
                steps.append([])
            case ")":
                isTogether = false
            case "-":
                steps.append([])
            default:
                if isTogether {
                    steps[steps.count - 1].append(symbol)
                } else {
                    steps.append([symbol])
                }
            }
        }
        return steps
    }

    private static func message(_ symbol: Character) -> Message {
        if symbol == "!" {
            return TestMessage.make("!", .critical, "\"n\":1")
        }
        if symbol.isLowercase {
            return TestMessage.ordinary(String(symbol))
        }
        return TestMessage.make(String(symbol), .conflated, "\"n\":1", key: String(symbol))
    }

    private static func picture(_ delivery: Delivery) -> String {
        switch delivery {
        case .messages(let entries):
            "[\(entries.map(\.message.type).joined())]"
        case .lag(let notice):
            "<\(notice.skippedCount)@\(notice.since)>"
        }
    }
}
