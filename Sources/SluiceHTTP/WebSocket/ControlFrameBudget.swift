/// Limits the cost of a flood of control frames: how many are read in a second, and how many pongs they cause.
struct ControlFrameBudget {
    /// Pings of one read that are answered one by one; of those beyond, only the newest is (RFC 6455 section 5.5.3).
    static let maximumPongCount = 16

    private let limit: UInt64
    private var readSinceTick: UInt64 = 0
    private var pongCount = 0

    init(limit: Int) {
        self.limit = UInt64(limit)
    }

    /// Whether the connection may read on before the next tick.
    var mayRead: Bool { self.readSinceTick <= self.limit }

    /// This many control frames arrived in one read.
    mutating func received(_ count: UInt64) {
        self.readSinceTick += count
    }

    /// Whether this ping is answered at once.
    mutating func mayAnswerPing() -> Bool {
        self.pongCount += 1
        return self.pongCount <= Self.maximumPongCount
    }

    /// All that was read in one go has been looked at.
    mutating func readCompleted() {
        self.pongCount = 0
    }

    /// About a second has passed.
    mutating func ticked() {
        self.readSinceTick = 0
    }
}
