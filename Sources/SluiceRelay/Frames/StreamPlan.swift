package import NIOCore

/// Decides which members of a group are in its shared deflate stream.
///
/// Pure: it knows no compressor and no member.
///
/// A newcomer cannot decode a frame that refers to frames it never got. So it takes uncompressed frames until an entry
/// point: a frame that refers to nothing before it. Members already in the stream do not notice. Entry points cost
/// ratio, so newcomers wait for each other: at most one entry point in `interval`.
package struct StreamPlan: Sendable {
    /// How the next compressible frame is sent.
    package struct Step: Sendable, Equatable {
        /// The frame must refer to nothing before it.
        package var isEntryPoint: Bool
        /// Every member in step takes the compressed form from this frame on.
        package var admitsNewcomers: Bool
        /// At least one member still needs the uncompressed form.
        package var needsPlain: Bool
    }

    /// The least time between two entry points made for newcomers.
    package static let interval = TimeAmount.seconds(1)

    private let isWithoutContext: Bool
    private var newcomersWait = false
    private var lastEntryPointAt: NIODeadline?

    package init(isWithoutContext: Bool) {
        self.isWithoutContext = isWithoutContext
    }

    /// A member came into step with the group; it cannot decode the stream yet.
    package mutating func memberJoined() {
        self.newcomersWait = true
    }

    /// A frame worth compressing is about to be sent.
    ///
    /// - Parameters:
    ///   - mayAdmit: Whether no compressed frame stands before it in the same write.
    ///   - now: The time of the frame.
    /// - Returns: The forms in which it goes, and which members take which.
    package mutating func frameDue(mayAdmit: Bool, now: NIODeadline) -> Step {
        guard self.newcomersWait else {
            return Step(isEntryPoint: self.isWithoutContext, admitsNewcomers: false, needsPlain: false)
        }
        let isTime = self.lastEntryPointAt.map { $0 + Self.interval <= now } ?? true
        guard mayAdmit, isTime || self.isWithoutContext else {
            return Step(isEntryPoint: self.isWithoutContext, admitsNewcomers: false, needsPlain: true)
        }
        self.newcomersWait = false
        self.lastEntryPointAt = now
        return Step(isEntryPoint: true, admitsNewcomers: true, needsPlain: false)
    }

    /// Whether some members take the uncompressed form.
    package var needsPlain: Bool { self.newcomersWait }
}
