import SluiceBase
package import SluiceRelay

/// The newest records of scans as a stream gives them: those that were there when it was asked, and then what is written
/// meanwhile.
///
/// A scan stands there once, as it was said last. It is whole after as many records as there were at first: where much is
/// written there are always more.
package struct HeadList {
    private var heads: [ScanID: RecordHeader] = [:]
    private var left: Int

    /// - Parameter count: How many records there are.
    package init(count: Int) {
        self.left = count
    }

    /// The scans whose channel has not ended, in no order.
    package var headers: [RecordHeader] { Array(self.heads.values) }

    /// Takes the next record.
    ///
    /// - Parameters:
    ///   - headers: Its headers.
    ///   - subject: Where it stands.
    ///   - sequence: Its own.
    ///   - pending: How many there are behind it.
    /// - Returns: Whether the list is whole.
    package mutating func take(_ headers: MessageHeaders, of subject: String, at sequence: UInt64, pending: Int) -> Bool
    {
        self.left -= 1
        if let id = Subjects.scan(ofSubject: subject) {
            // Those that have ended stand there as long as their history, and may be many more.
            let head = RecordHead.isEnd(headers) ? nil : try? RecordHead(headers, at: sequence)
            self.heads[id] = head?.header(of: id, at: sequence)
        }
        return pending == 0 || self.left <= 0
    }
}
