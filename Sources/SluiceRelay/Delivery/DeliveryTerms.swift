/// How a subscriber wants its messages.
///
/// Those with equal terms and equal wire form share a delivery group.
package struct DeliveryTerms: Hashable, Sendable {
    /// Which types.
    package var filter: TypeFilter
    /// The most frames in any second; 0 for no limit.
    package var framesPerSecond: Double
    /// Whether several messages may share a frame.
    package var isBatched: Bool

    package init(filter: TypeFilter, framesPerSecond: Double, isBatched: Bool) {
        self.filter = filter
        self.framesPerSecond = framesPerSecond
        self.isBatched = isBatched
    }
}
