internal import SluiceSystem

/// A file as words in memory, until nobody needs it any more.
///
/// Which word is written when is its user's business.
@safe
final class HeadMapping: Sendable {
    let path: String
    let byteCount: Int
    let identity: FileIdentity
    // Words are written under a lock of the `HeadFile` that it belongs to, or before anybody else sees it.
    private nonisolated(unsafe) let bytes: UnsafeMutableRawPointer

    /// Maps the file, and makes it if there is none.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - byteCount: How long it is to be at least; one that is longer is mapped as it is.
    ///   - isOurs: Whether it must be a file of this user's alone: it stands where anybody may make one.
    /// - Throws: ``StoreError`` if it cannot be had, or is not what it must be.
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

    /// Makes every word zero, and touches only those that are not: what is not touched need not go to the disk.
    func clear() {
        for place in stride(from: 0, to: self.byteCount, by: 8) where self.word(at: place) != 0 {
            self.set(0, at: place)
        }
    }

    /// Brings what was written to the disk.
    ///
    /// Blocks. Returns whether it got there.
    func sync() -> Bool {
        unsafe msync(self.bytes, self.byteCount, MS_SYNC) == 0
    }
}
