import SluiceSystem

/// Writes a scanner's output to our own streams, unchanged and at once.
package enum PassThrough {
    /// Writes all of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The scanner's output.
    ///   - stream: Where it wrote it.
    /// - Returns: Whether the stream is still read.
    package static func write(_ bytes: ArraySlice<UInt8>, to stream: ScannerStream) -> Bool {
        let descriptor = stream == .standardOutput ? STDOUT_FILENO : STDERR_FILENO
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe SluiceSystem.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Our stream is non-blocking; wait as if it were not.
                var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&target, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Writes lines of JSON to standard output: as they are, or on a terminal with what could steer that escaped.
    ///
    /// - Returns: Whether the stream is still read.
    package static func show(json lines: [UInt8]) -> Bool {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        return self.write(isTerminal ? DisplayText.escaped(json: lines)[...] : lines[...], to: .standardOutput)
    }
}
