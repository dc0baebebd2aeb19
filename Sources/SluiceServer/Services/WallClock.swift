internal import SluiceRelay

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#elseif canImport(Darwin)
private import Darwin
#endif

/// The time of day, which tokens and messages are dated by.
///
/// Everything else goes by the event loops' own clocks.
enum WallClock {
    /// Seconds since 1970.
    static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    /// The time of day as messages bear it.
    static func time() -> WallTime {
        WallTime(milliseconds: Int64(self.now() * 1000))
    }
}
