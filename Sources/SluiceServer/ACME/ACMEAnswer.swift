internal import NIOCore
internal import SluiceBase

/// An authority's answer, as far as orders need it.
struct ACMEAnswer: Sendable, Equatable {
    /// The most bytes of one that are read, a chain of certificates included.
    static let maximumBytes = 262_144
    /// The longest that an authority's word to come back later holds.
    static let longestRetry = TimeAmount.hours(24)

    private static let rules = JSONReader.Rules.strict(maximumDepth: 16, maximumMemberCount: 512)

    var status: Int
    /// A value for the next request.
    var nonce: String?
    /// The address of what was made.
    var location: String?
    /// How long the authority wants to be left alone.
    var retryAfter: TimeAmount?
    var body: [UInt8] = []

    /// Whether it is what was asked for.
    var isGood: Bool { (200..<300).contains(self.status) }

    /// The body as an object; nil if it is none.
    var object: JSONNode? { try? JSONReader.object(self.body, Self.rules) }

    /// Why it is not what was asked for.
    var failure: ACMEFailure {
        let problem = self.object.map { ACMEProblem($0).description }
        return ACMEFailure(problem ?? "the authority answers \(self.status)", retryAfter: self.retryAfter)
    }

    /// The length of a `Retry-After` (RFC 9110 section 10.2.3).
    ///
    /// - Parameters:
    ///   - text: Seconds, or a date.
    ///   - now: The time of day, in seconds since 1970.
    /// - Returns: At most ``longestRetry``; nil if the text is neither.
    static func retryAfter(_ text: String, now: Double) -> TimeAmount? {
        let seconds = Int(text).map { Double($0) } ?? CertificateDate.seconds(ofField: text).map { $0 - now }
        guard let seconds, seconds.isFinite else {
            return nil
        }
        let longest = Double(Self.longestRetry.nanoseconds) / 1e9
        return .nanoseconds(Int64(exactly: (min(max(0, seconds), longest) * 1e9).rounded()) ?? 0)
    }
}
