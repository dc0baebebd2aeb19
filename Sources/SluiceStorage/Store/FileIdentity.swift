internal import SluiceSystem

/// Which file it is, whatever it is called: a name may be given to another one, also on another disk.
struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let number: UInt64

    /// The file of these properties.
    init(_ status: FileStatus) {
        self.device = status.device
        self.number = status.number
    }

    /// The file that stands at a path now; nil if none does.
    init?(path: String) {
        guard let status = FileStatus(path: path) else {
            return nil
        }
        self.init(status)
    }
}
