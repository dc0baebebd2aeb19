internal import SluiceSystem
internal import Synchronization

/// Keeps other processes out of a store's folder, or out of one file in it; the system releases it when the process ends.
final class FolderLock: Sendable {
    private struct Held {
        var descriptor: Int32
        var identity: FileIdentity
    }

    private let path: String
    private let held: Mutex<Held?>

    convenience init(folder: String) throws(StoreError) {
        try self.init(file: "sluice.lock", in: folder)
    }

    /// A lock on a file of this name, which is made if it is missing.
    init(file name: String, in folder: String) throws(StoreError) {
        self.path = folder + "/" + name
        self.held = Mutex(try Self.take(self.path, folder: folder))
    }

    deinit {
        self.release()
    }

    /// Takes the lock again, if its file is no longer in its place: the folder may be a new one.
    func reattach(folder: String) throws(StoreError) {
        guard let held = self.held.withLock({ $0 }), FileIdentity(path: self.path) != held.identity else {
            return
        }
        let taken = try Self.take(self.path, folder: folder)
        self.held.withLock { $0 = taken }
        Self.letGo(held.descriptor)
    }

    /// Whether the locked file still stands at its path: the one who had the lock before may have moved it.
    var isInPlace: Bool {
        self.held.withLock { $0?.identity } == FileIdentity(path: self.path)
    }

    /// Lets others in.
    func release() {
        self.held.withLock { held in
            if let open = held {
                Self.letGo(open.descriptor)
            }
            held = nil
        }
    }

    /// Unlocks before it closes: a child that is just being started has the descriptor, too, until its program runs, and
    /// the lock would be held as long.
    private static func letGo(_ descriptor: Int32) {
        _ = flock(descriptor, LOCK_UN)
        _ = close(descriptor)
    }

    private static func take(_ path: String, folder: String) throws(StoreError) -> Held {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .unusable(path: folder, reason: CLibrary.text(ofError: errno))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            _ = close(descriptor)
            throw .inUse(path: folder)
        }
        guard let status = FileStatus(descriptor: descriptor) else {
            let reason = CLibrary.text(ofError: errno)
            _ = close(descriptor)
            throw .unusable(path: folder, reason: reason)
        }
        return Held(descriptor: descriptor, identity: FileIdentity(status))
    }
}

/// A file's device and inode: its path may be given to another file, also on another disk.
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
