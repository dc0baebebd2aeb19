internal import NIOCore
internal import SluiceRelay

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

extension WallTime {
    static func now() -> WallTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// How long ago an instant was; zero for one that a clock set back has put into the future.
    func since(_ milliseconds: Int64) -> TimeAmount {
        .milliseconds(max(0, self.milliseconds - milliseconds))
    }
}
