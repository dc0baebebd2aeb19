package import NIOCore

/// One write for the members of a group: the frames of one loop turn, encoded.
package struct OutgoingFrames: Sendable {
    /// The frames for members that are not in the compressed stream, or for all.
    package var plain = ByteBuffer()
    /// The frames for members in the compressed stream, where they differ.
    package var compressed: ByteBuffer?
    /// Every member is in the compressed stream from this write on.
    package var admitsNewcomers = false
    /// How many frames these are.
    package var frameCount = 0
    /// How many messages they carry.
    package var messageCount = 0
    /// How many of the frames are lag notices.
    package var lagCount = 0
    /// Whether the last notice about it said that the scanner is silent; nil without such a notice.
    package var saysStalled: Bool?
    /// The last seq that members in step had before.
    package var after: Seq
    /// The last seq that they have afterwards.
    package var through: Seq

    package init(after: Seq) {
        self.after = after
        self.through = after
    }

    package var isEmpty: Bool { self.frameCount == 0 }
}
