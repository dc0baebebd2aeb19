package import NIOCore
import NIOPosix
import SluiceSystem
import Synchronization

/// The bytes from a file descriptor, piece by piece as they arrive: read only as fast as they are taken.
///
/// While no bytes arrive it yields an empty line now and then, which keeps the stream and the scan alive; and it ends
/// the last line.
package struct DescriptorInput: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    /// How much is read at once, in bytes.
    private static let chunkBytes = 64 * 1024

    /// After this long without input an empty line is sent.
    private static let quietInterval = Duration.seconds(20)

    /// How often a reader that waits looks whether it is still wanted.
    private static let pollMilliseconds: Int32 = 200

    private let descriptor: Int32

    /// Input of `descriptor`, which stays open; standard input by default.
    package init(descriptor: Int32 = STDIN_FILENO) {
        self.descriptor = descriptor
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(descriptor: self.descriptor)
    }

    /// Reads on a thread of its own.
    package struct Iterator: AsyncIteratorProtocol {
        private let descriptor: Int32
        private let pool = NIOThreadPool(numberOfThreads: 1)
        private let cancelled = CancelMark()
        private var hasStarted = false
        private var hasEnded = false
        private var isInLine = false

        init(descriptor: Int32) {
            self.descriptor = descriptor
        }

        /// The next piece; nothing at the end, or when the task is cancelled.
        package mutating func next() async -> ByteBuffer? {
            guard !self.hasEnded else { return nil }
            if !self.hasStarted {
                self.pool.start()
                self.hasStarted = true
            }
            let descriptor = self.descriptor
            let cancelled = self.cancelled
            // Between two lines only: within one it would cut a message in two.
            let patience = self.isInLine ? nil : DescriptorInput.quietInterval
            let piece = await withTaskCancellationHandler {
                await Blocking.run(on: self.pool) {
                    DescriptorInput.read(descriptor, patience: patience, cancelled: cancelled)
                }
            } onCancel: {
                cancelled.set()
            }
            guard let last = piece?.last else { return await self.end() }
            self.isInLine = last != 0x0A
            return piece.map { ByteBuffer(bytes: $0) }
        }

        private mutating func end() async -> ByteBuffer? {
            self.hasEnded = true
            try? await self.pool.shutdownGracefully()
            return self.isInLine ? ByteBuffer(string: "\n") : nil
        }
    }

    /// Waits for input; an empty line if none comes for `patience`, nothing at the end.
    private static func read(_ descriptor: Int32, patience: Duration?, cancelled: CancelMark) -> [UInt8]? {
        let started = ContinuousClock.now
        while !cancelled.isSet {
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = unsafe poll(&polled, 1, self.pollMilliseconds)
            if count == -1, errno != EINTR { return nil }
            if count > 0 {
                var bytes = [UInt8](repeating: 0, count: self.chunkBytes)
                let readCount = unsafe SluiceSystem.read(descriptor, &bytes, bytes.count)
                if readCount == -1, errno == EINTR { continue }
                return readCount > 0 ? Array(bytes[..<readCount]) : nil
            }
            if let patience, ContinuousClock.now - started >= patience { return [0x0A] }
        }
        return nil
    }

    /// Set when the input is no longer wanted.
    private final class CancelMark: Sendable {
        private let flag = Atomic<Bool>(false)

        var isSet: Bool { self.flag.load(ordering: .relaxed) }

        func set() {
            self.flag.store(true, ordering: .relaxed)
        }
    }
}
