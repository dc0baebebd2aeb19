/// What an API request costs its user, by the length of its answer before packing.
///
/// A request costs one token of `limits.requests` before any work is done, and is refused if there is none. The answer
/// then costs one more for every 64 KiB beyond the first, also where that makes a debt: the next request pays for it.
struct AnswerCost {
    /// How many bytes of an answer one token is for.
    static let bytesPerToken = 64 * 1024

    private var bytes = 0
    private var paidCount = 1

    /// Some more of the answer was made.
    ///
    /// - Returns: How many tokens are to be charged for it.
    mutating func add(_ byteCount: Int) -> Int {
        self.bytes += byteCount
        let count = (self.bytes + Self.bytesPerToken - 1) / Self.bytesPerToken
        defer { self.paidCount = max(count, self.paidCount) }
        return max(0, count - self.paidCount)
    }
}
