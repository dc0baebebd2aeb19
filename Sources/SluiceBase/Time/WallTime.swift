internal import SluiceSystem

/// The time of day, in milliseconds since 1970.
///
/// By it messages and tokens are dated, which outlive the process; all else goes by the event loops' own clocks.
package struct WallTime: Sendable, Hashable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The system's time of day; not monotonic.
    package static func now() -> WallTime {
        WallTime(milliseconds: CLibrary.nanoseconds(of: CLOCK_REALTIME) / 1_000_000)
    }

    /// Seconds since 1970.
    package var seconds: Double { Double(self.milliseconds) / 1000 }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.milliseconds < right.milliseconds
    }
}
