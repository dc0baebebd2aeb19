/// How much one transaction of retention deletes: whoever waits for the writer waits for no more, and where little is too
/// much, little goes.
struct RetentionStep {
    static let maximumCount = 1000
    private static let maximumBytes = 1024 * 1024

    private let wantedBytes: Int
    private(set) var count = 0
    private(set) var bytes = 0

    /// - Parameter bytes: How many bytes are too many.
    init(bytes: Int = .max) {
        self.wantedBytes = min(bytes, Self.maximumBytes)
    }

    var hasRoom: Bool {
        self.count < Self.maximumCount && self.bytes < self.wantedBytes
    }

    mutating func took(bytes: Int) {
        self.count += 1
        self.bytes += bytes
    }
}
