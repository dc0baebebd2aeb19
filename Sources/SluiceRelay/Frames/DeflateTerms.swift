/// The parameters of a group's permessage-deflate stream, as agreed with its members.
package struct DeflateTerms: Hashable, Sendable {
    /// zlib's level, 0 to 9.
    package var level: Int
    /// The window that the members can hold, as its base-2 logarithm, 9 to 15.
    package var windowBits: Int
    /// Whether the members demanded that no message refers to an earlier one.
    package var isWithoutContext: Bool
    /// Texts below this many bytes go uncompressed.
    package var minimumBytes: Int

    package init(level: Int, windowBits: Int, isWithoutContext: Bool, minimumBytes: Int) {
        self.level = level
        self.windowBits = windowBits
        self.isWithoutContext = isWithoutContext
        self.minimumBytes = minimumBytes
    }
}
