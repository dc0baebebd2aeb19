#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Which file it is, whatever it is called: a name may be given to another one, also on another disk.
struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let inode: UInt64

    /// The file of these properties.
    init(_ status: stat) {
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
    }

    /// The file that stands at a path now; nil if none does.
    init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            return nil
        }
        self.init(status)
    }
}
