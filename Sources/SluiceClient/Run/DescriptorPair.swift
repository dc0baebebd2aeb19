import Glibc

/// The two ends of a pipe that no started command inherits.
struct DescriptorPair: Sendable {
    let reader: Int32
    let writer: Int32

    /// Opens a pipe; nothing if the system has none left, `errno` then says why.
    static func open() -> DescriptorPair? {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return DescriptorPair(reader: ends[0], writer: ends[1])
    }

    /// Closes both ends.
    func close() {
        _ = Glibc.close(self.reader)
        _ = Glibc.close(self.writer)
    }

    /// Writes one byte.
    func write(_ byte: UInt8) {
        var byte = byte
        _ = unsafe Glibc.write(self.writer, &byte, 1)
    }
}
