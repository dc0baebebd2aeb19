/// Reads the first line of a head as it arrives.
internal protocol StartLineReader {
    /// Whether empty lines before it are passed over (RFC 9112, section 2.2).
    static var mayFollowEmptyLines: Bool { get }

    init()

    /// Passes over the bytes that change nothing.
    ///
    /// - Returns: Where the first byte stands that does.
    mutating func skip(_ bytes: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int

    /// Takes the byte that follows those given before; it stands at this place of the head.
    mutating func consume(_ byte: UInt8, at index: Int) -> StartLineVerdict
}

/// What is known of a first line after one more byte.
internal enum StartLineVerdict: Equatable {
    /// The line continues.
    case incomplete
    /// That byte was the CR at its end.
    case complete
    /// The line is not taken.
    case refused(ProblemCode, String)
}
