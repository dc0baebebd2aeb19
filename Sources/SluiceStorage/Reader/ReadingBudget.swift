internal import SluiceRelay

/// How much one page may hold, and how much may be looked at for it: a reader who finds little must not keep the others
/// waiting.
struct ReadingBudget {
    /// The most bytes of messages that are looked through in vain.
    private static let maximumSearchedBytes = 1024 * 1024
    /// What a message costs that is passed over by what stands beside its bytes.
    private static let headBytes = 100

    private var count: Int
    private var bytes: Int
    private var searchedBytes = 0

    init(_ request: StoredPageRequest) {
        self.count = request.maximumCount
        self.bytes = request.maximumBytes
    }

    /// Whether another message may be looked at.
    var hasRoom: Bool {
        self.count > 0 && self.bytes > 0 && self.searchedBytes < Self.maximumSearchedBytes
    }

    /// A message is in the page.
    mutating func took(bytes: Int) {
        self.count -= 1
        self.bytes -= bytes
    }

    /// A message is not, of which so many bytes were looked through.
    mutating func passedOver(bytes: Int) {
        self.searchedBytes += Self.headBytes + bytes
    }
}
