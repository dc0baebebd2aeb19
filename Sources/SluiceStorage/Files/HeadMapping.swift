internal import SluiceSystem

/// A file as words in memory, unmapped with its last reference.
@safe
final class HeadMapping: Sendable {
    let path: String
    let byteCount: Int
    let identity: FileIdentity
    // A pointer is not Sendable, and the compiler cannot see a mapping's rule: the address never changes and is valid as
    // long as this object. Of the words behind it, a slot's are touched under the lock that the one `HeadFile` holds for
    // this mapping; the header's by the thread that starts the store and looks after it.
    private nonisolated(unsafe) let bytes: UnsafeMutableRawPointer

    /// Maps the file, and makes it if there is none.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - byteCount: The least length; a longer file is mapped whole.
    ///   - isOurs: Whether it must belong to this user alone, as in a folder that all users may write to.
    /// - Throws: ``StoreError`` if it cannot be mapped, or belongs to others.
    init(path: String, byteCount: Int, isOurs: Bool = false) throws(StoreError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | (isOurs ? O_NOFOLLOW : 0), 0o600)
        guard descriptor >= 0 else {
            throw .unusable(path: path, reason: CLibrary.text(ofError: errno))
        }
        defer { _ = close(descriptor) }
        guard let status = FileStatus(descriptor: descriptor) else {
            throw .unusable(path: path, reason: CLibrary.text(ofError: errno))
        }
        if isOurs, status.user != geteuid() || status.kind != .file || status.permissions & 0o077 != 0 {
            throw .unusable(path: path, reason: "not a file of this user's alone")
        }
        let byteCount = max(byteCount, status.byteCount / 16 * 16)
        // Room on the disk for all of it, now: a write to memory that finds none would end the process.
        let failure = posix_fallocate(descriptor, 0, off_t(byteCount))
        guard failure == 0 else {
            throw .unusable(path: path, reason: CLibrary.text(ofError: failure))
        }
        let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            throw .unusable(path: path, reason: CLibrary.text(ofError: errno))
        }
        self.path = path
        self.byteCount = byteCount
        self.identity = FileIdentity(status)
        unsafe self.bytes = unsafe mapped
    }

    deinit {
        unsafe munmap(self.bytes, self.byteCount)
    }

    /// Whether the file still stands where it was opened.
    var isInPlace: Bool {
        FileIdentity(path: self.path) == self.identity
    }

    func word(at place: Int) -> UInt64 {
        unsafe self.bytes.load(fromByteOffset: place, as: UInt64.self)
    }

    func set(_ word: UInt64, at place: Int) {
        unsafe self.bytes.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
    }

    /// Makes every word zero; pages that are zero already are not written.
    func clear() {
        for place in stride(from: 0, to: self.byteCount, by: 8) where self.word(at: place) != 0 {
            self.set(0, at: place)
        }
    }

    /// Syncs the file.
    ///
    /// Blocks. Returns whether it got there.
    func sync() -> Bool {
        unsafe msync(self.bytes, self.byteCount, MS_SYNC) == 0
    }
}
