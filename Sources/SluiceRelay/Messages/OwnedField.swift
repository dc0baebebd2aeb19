internal import SluiceBase

/// The top-level fields of a message whose names the gateway owns.
enum OwnedField {
    case type
    case scanID
    case seq

    /// The field of this name, if it is one of them.
    ///
    /// - Parameters:
    ///   - bytes: The unescaped bytes that the name stands in.
    ///   - range: Where in them.
    @inline(__always)
    init?(_ bytes: Span<UInt8>, in range: Range<Int>) {
        if bytes.holds("type", in: range) {
            self = .type
        } else if bytes.holds("scanId", in: range) {
            self = .scanID
        } else if bytes.holds("seq", in: range) {
            self = .seq
        } else {
            return nil
        }
    }
}
