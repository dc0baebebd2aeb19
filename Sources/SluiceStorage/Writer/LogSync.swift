internal import Dispatch
internal import SluiceSystem

/// Brings the write-ahead log to the disk beside the writer, which does not wait for it: a power cut then takes no more
/// than what came in the last second.
final class LogSync: Sendable {
    /// How long what was committed may stay with the operating system before it is sent on to the disk.
    private static let delay = DispatchTimeInterval.milliseconds(500)

    private let path: String
    private let dispatch = DispatchQueue(label: "sluice.storage.sync", qos: .utility)

    init(file: StoreFile) {
        self.path = file.path + "-wal"
    }

    /// Syncs the log in a while, and says what stood in the way.
    func sync(_ done: @escaping @Sendable (StoreError?) -> Void) {
        self.dispatch.asyncAfter(deadline: .now() + Self.delay) {
            done(self.syncNow())
        }
    }

    private func syncNow() -> StoreError? {
        // No lock of SQLite's is on this file, so that closing it lets go of none.
        let descriptor = unsafe open(self.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Without a log everything is in the database; and whether that stands in its place is looked at elsewhere.
            return errno == ENOENT ? nil : .failed(reason: CLibrary.text(ofError: errno))
        }
        defer { _ = close(descriptor) }
        while fsync(descriptor) != 0 {
            guard errno == EINTR else {
                return .failed(reason: CLibrary.text(ofError: errno))
            }
        }
        return nil
    }
}
