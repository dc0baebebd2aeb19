/// The work that a home does in one turn of its loop, in units of about a sixth of a microsecond.
///
/// The rest is done in later turns, with the sockets polled in between: neither a request of ten thousand messages nor
/// a frame for each of a thousand groups holds up the others on the loop.
struct TurnBudget {
    /// About two milliseconds.
    static let limit = 16_384

    private var spent = 0

    /// Whether there is time for more in this turn.
    var hasRoom: Bool { self.spent < Self.limit }

    /// Counts a message that was taken and shown to so many groups.
    mutating func spend(messageShownTo groupCount: Int) {
        self.spent += 8 + groupCount
    }

    /// Counts bytes of messages that were encoded into frames.
    mutating func spend(encodedBytes: Int, isCompressed: Bool) {
        self.spent += encodedBytes / (isCompressed ? 16 : 512)
    }

    mutating func reset() {
        self.spent = 0
    }
}
