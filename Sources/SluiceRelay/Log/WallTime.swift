/// The time of day, in milliseconds since 1970.
///
/// By it messages are dated, which outlive the process; all that the relay decides goes by the loops' own clocks.
package struct WallTime: Sendable, Hashable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.milliseconds < right.milliseconds
    }
}
