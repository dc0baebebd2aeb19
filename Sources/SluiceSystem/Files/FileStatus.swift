/// The system's facts about a file (stat(2)).
///
/// The C structure is named here alone: which module a file finds it in depends on the files that are compiled beside it.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable {
        case file
        case folder
        case pipe
        case socket
        case device
        case other
    }

    package let kind: Kind
    /// With `number` it tells one file from all others.
    package let device: UInt64
    package let number: UInt64
    /// The id of the user that owns it.
    package let user: UInt32
    /// The permissions: the lowest twelve bits of the mode.
    package let permissions: UInt32
    package let byteCount: Int
    /// When its content changed, then when anything about it did.
    private let times: [Int]

    /// The file at a path, behind links; nil if there is none.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            return nil
        }
        self.init(status)
    }

    /// The file of a descriptor; nil if it is none.
    package init?(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            return nil
        }
        self.init(status)
    }

    private init(_ status: stat) {
        self.kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            case S_IFCHR, S_IFBLK: .device
            default: .other
            }
        self.device = UInt64(status.st_dev)
        self.number = UInt64(status.st_ino)
        self.user = status.st_uid
        self.permissions = status.st_mode & 0o7777
        self.byteCount = Int(status.st_size)
        self.times = [
            Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec), Int(status.st_ctim.tv_sec),
            Int(status.st_ctim.tv_nsec),
        ]
    }
}
