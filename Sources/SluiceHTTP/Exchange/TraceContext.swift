internal import SluiceBase

/// Which request this is, and which trace it belongs to (W3C Trace Context, section 3.2).
///
/// A request that comes without a trace begins none: nobody would be told of it.
package struct TraceContext: Sendable, Equatable {
    /// The caller's trace, as 32 lower-case hexadecimal digits; nil where it sent none.
    package let traceID: String?
    /// This request in it, as 16 such digits; never the caller's.
    package let requestID: String
    /// The caller's flags, of which only `sampled` has a meaning.
    private let flags: UInt8

    /// - Parameters:
    ///   - caller: What the caller sent.
    ///   - generator: Makes ids that cannot be guessed.
    package init(_ caller: CallerTrace?, using generator: inout some RandomNumberGenerator) {
        self.traceID = caller?.id
        // One draw: each may be a call of the system. All zeros mean nothing.
        let number = max(1, generator.next() as UInt64)
        self.requestID = Hexadecimal.text((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
        self.flags = caller?.flags ?? 0
    }

    /// What whoever has sent the trace is told of it; nil where nobody has.
    package var header: String? {
        self.traceID.map { "00-\($0)-\(self.requestID)-0\(self.flags & 1)" }
    }
}
