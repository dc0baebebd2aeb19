import SluiceBase

/// What numbers a log may say: a damaged or hostile one says others, and nothing that is reckoned with them may trap.
enum StoredNumber {
    /// The greatest count of anything, and the greatest time.
    static let maximum = 1 << 53
}

extension WallTime {
    /// A time out of a record; nil where it is none that a gateway writes.
    init?(stored milliseconds: Int64?) {
        guard let milliseconds, (0...Int64(StoredNumber.maximum)).contains(milliseconds) else {
            return nil
        }
        self.init(milliseconds: milliseconds)
    }
}
