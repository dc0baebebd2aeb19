internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

extension WallTime {
    /// How long ago an instant was; zero for one that a clock set back has put into the future.
    func since(_ milliseconds: Int64) -> TimeAmount {
        // What stands in a damaged row may be any number.
        let (passed, overflow) = self.milliseconds.subtractingReportingOverflow(milliseconds)
        return overflow ? .zero : .milliseconds(min(max(0, passed), Self.longestMilliseconds))
    }

    /// The longest time that is as many nanoseconds as a number can be.
    private static let longestMilliseconds = Int64.max / 1_000_000
}
