import SluiceSystem

/// Reads a scanner's stream to its end, piece by piece as it comes, and blocks its thread.
struct StreamPump: Sendable {
    /// How much is read at once, in bytes.
    private static let chunkBytes = 64 * 1024

    /// How much is still read after `stop`, in bytes: a process that outlives the scanner may write for ever.
    private static let maximumRestBytes = 4 * 1024 * 1024

    /// The stream; the pump closes it.
    let source: Int32

    /// When this becomes readable, the scanner has ended, and only its remaining output is read.
    let stop: Int32

    /// Hands each piece to `deliver`, until the stream ends or `deliver` returns false.
    func run(_ deliver: (ArraySlice<UInt8>) -> Bool) {
        defer { close(self.source) }
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        var restBytes = Self.maximumRestBytes
        while restBytes > 0 {
            var descriptors = [
                pollfd(fd: self.source, events: Int16(POLLIN), revents: 0),
                pollfd(fd: self.stop, events: Int16(POLLIN), revents: 0),
            ]
            if unsafe poll(&descriptors, 2, -1) == -1 {
                guard errno == EINTR else { return }
                continue
            }
            guard descriptors[0].revents != 0 else { return }
            let count = CLibrary.fill(&buffer, from: self.source)
            guard count > 0, deliver(buffer[..<count]) else { return }
            if descriptors[1].revents != 0 { restBytes -= count }
        }
    }
}
