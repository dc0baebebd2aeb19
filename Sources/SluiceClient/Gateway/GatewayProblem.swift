import SluiceBase

/// Why the gateway refused a request, as far as its answer tells (RFC 9457).
package struct GatewayProblem: Sendable, Equatable, CustomStringConvertible {
    /// How much of an answer is read, in bytes.
    static let maximumBytes = 64 * 1024

    package let status: Int

    /// The gateway's stable name for the reason.
    package let code: String?

    /// The reason in words.
    package let detail: String?

    /// Which message of an array was at fault, counted from 0.
    package let index: Int?

    /// How many messages of a stream had been taken.
    package let accepted: Int?

    /// The number of the last message that has one, of those that were posted.
    package let lastSeq: Int?

    /// Which line of a stream was at fault, counted from 1.
    package private(set) var line: Int?

    /// How long the gateway asks to stay away.
    let retryAfter: Duration?

    /// Reads an answer; whatever its body is, at least the status is known.
    init(status: Int, retryAfter: String?, body: [UInt8]) {
        let node = try? JSONReader.read(body)
        self.status = status
        self.code = node?["code"]?.string
        self.detail = node?["detail"]?.string ?? node?["title"]?.string
        self.index = node?["index"]?.integer
        self.accepted = Self.count(node?["accepted"])
        self.lastSeq = Self.count(node?["lastSeq"])
        self.line = Self.count(node?["line"])
        // Only the seconds of RFC 9110 section 10.2.3; a date is no use to one whose clock may be wrong.
        self.retryAfter = retryAfter.flatMap { Int($0) }.flatMap { $0 >= 0 ? .seconds(min($0, 3600)) : nil }
    }

    /// A count, within 0 to 2^53.
    private static func count(_ node: JSONNode?) -> Int? {
        node?.integer.map { min(max($0, 0), 1 << 53) }
    }

    /// The same of a stream whose first lines went in other requests.
    func movedDown(byLines count: Int) -> GatewayProblem {
        var problem = self
        problem.line = self.line.map { $0 + count }
        return problem
    }

    package var description: String {
        var text = "HTTP \(self.status)"
        if let code = self.code { text += " \(code)" }
        if let detail = self.detail { text += ": \(detail)" }
        if let line = self.line { text += " (line \(line))" }
        return DisplayText.safe(text)
    }

    /// Whether another gateway may take the same request now: this one is away, or is cut off.
    var isAway: Bool { self.status >= 500 }

    /// Whether the same request may be taken later.
    var isTemporary: Bool {
        self.status == 408 || self.status == 425 || self.status == 429 || self.status >= 500
    }
}
