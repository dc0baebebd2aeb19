/// The head that a connection's last request had, and what was read in it: a client that sends one request after the
/// other mostly repeats its head byte for byte, but for the digits of `Content-Length`.
///
/// Reading a head depends on its bytes and on the connection's limits alone. So the same bytes are accepted again
/// without being read, and others are read as if this did not exist.
internal final class RepeatedHead {
    /// What some bytes are, beside the remembered head.
    enum Verdict {
        /// Not known to be the same head.
        case other
        case same
        /// The same head, but for the length of its body.
        case sameOfLength(RequestHeadCheck.Accepted)
    }

    /// A longer head is read each time.
    static let maximumBytes = 2048
    /// Nor is one with more parts than this in its path or its query: what was read of it is kept on idle connections.
    static let maximumPartCount = 8
    /// Below this many digits no length is too large for an Int.
    private static let maximumDigitCount = 9

    private let bytes: [UInt8]
    /// Where in it the digits of `Content-Length` stand; empty at its end if there are none.
    private let digits: Range<Int>
    /// What it was accepted as.
    let accepted: RequestHeadCheck.Accepted

    /// Remembers a head, which gets a note.
    ///
    /// - Returns: nil if it is not worth it: too long, of many parts, or of a request that is the connection's last.
    init?(_ accepted: inout RequestHeadCheck.Accepted) {
        let headers = accepted.request.headers
        let bytes = headers.head
        guard bytes.count <= Self.maximumBytes, accepted.request.isKeepAlive, !accepted.asksForUpgrade,
            accepted.request.path.count <= Self.maximumPartCount,
            accepted.request.query.all.count <= Self.maximumPartCount
        else {
            return nil
        }
        let digits = accepted.request.contentLength.flatMap { _ in headers.places(of: "Content-Length").first }
        guard (digits?.count ?? 0) <= Self.maximumDigitCount else { return nil }
        accepted.note = HeadNote(headers)
        self.bytes = bytes
        self.digits = digits ?? bytes.count..<bytes.count
        self.accepted = accepted
    }

    /// How long it is.
    var byteCount: Int { self.bytes.count }

    /// Whether this is the same head.
    ///
    /// - Parameters:
    ///   - bytes: What has arrived; a head begins with the first byte.
    ///   - maximumBytes: The most bytes of a head.
    /// - Returns: Whether it is, and what it is accepted as where that is not the same.
    func judge(_ bytes: borrowing Span<UInt8>, maximumBytes: Int) -> Verdict {
        let count = self.bytes.count
        guard count <= min(bytes.count, maximumBytes) else { return .other }
        let isSame = (
            self.equals(bytes, 0..<self.digits.lowerBound), self.equals(bytes, self.digits.upperBound..<count)
        )
        guard isSame == (true, true) else { return .other }
        guard !self.equals(bytes, self.digits) else { return .same }
        var length = 0
        var head = self.bytes
        for place in self.digits {
            let byte = bytes[place]
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return .other }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            head[place] = byte
        }
        return .sameOfLength(self.accepted.with(contentLength: length, head: head))
    }

    /// Compares in a time that depends on the lengths alone: a proxy may carry the credentials of many on one connection.
    private func equals(_ bytes: borrowing Span<UInt8>, _ places: Range<Int>) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { new in
            unsafe self.bytes.withUnsafeBufferPointer { old in
                // Both have as many bytes as the head, and no place is beyond it.
                precondition(places.upperBound <= min(new.count, old.count), "a place is within the head")
                var difference: UInt8 = 0
                for place in places {
                    difference |= unsafe new[place] ^ old[place]
                }
                return difference == 0
            }
        }
    }
}
