internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

extension WallTime {
    /// How long ago an instant was; zero for one that a clock set back has put into the future.
    func since(_ milliseconds: Int64) -> TimeAmount {
        .milliseconds(max(0, self.milliseconds - milliseconds))
    }
}
