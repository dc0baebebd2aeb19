import SluiceSystem
import Synchronization

/// The descriptor that the handler writes to; -1 while no relay is installed.
///
/// Global because a signal handler has no other way to it; atomic because it runs on any thread.
private let signalPipe = Atomic<Int32>(-1)

/// Catches the signals that ask a program to end, so that the scan can be ended first.
///
/// A signal typed at the terminal reaches the scanner by itself, as a member of the same group of processes; a signal
/// sent to this process alone must be passed on. The difference decides whether the scanner gets it once or twice.
final class SignalRelay: Sendable {
    /// A signal that came.
    struct Caught: Sendable, Equatable {
        let signal: Int32

        /// Whether the kernel sent it, and so to the scanner as well.
        let isFromTerminal: Bool
    }

    private static let terminalMark: UInt8 = 0x80
    private static let endMark: UInt8 = 0

    private let pipe: DescriptorPair
    private let restored: [(signal: Int32, action: sigaction)]

    /// Starts to catch SIGINT, SIGTERM and SIGHUP; a signal that was ignored before (`nohup`) stays ignored.
    ///
    /// - Returns: Nothing if another relay is at work, or the system has no pipe left.
    static func install() -> SignalRelay? {
        guard let pipe = DescriptorPair.open() else { return nil }
        guard
            signalPipe.compareExchange(expected: -1, desired: pipe.writer, ordering: .sequentiallyConsistent).exchanged
        else {
            pipe.close()
            return nil
        }
        var restored: [(signal: Int32, action: sigaction)] = []
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            var old = sigaction()
            unsafe sigaction(signal, nil, &old)
            guard unsafe unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) != 1 else { continue }
            var new = Self.action
            unsafe sigaction(signal, &new, nil)
            restored.append((signal, old))
        }
        return SignalRelay(pipe: pipe, restored: restored)
    }

    private init(pipe: DescriptorPair, restored: [(signal: Int32, action: sigaction)]) {
        self.pipe = pipe
        self.restored = restored
    }

    private static var action: sigaction {
        var action = sigaction()
        // Only operations that are safe in a handler (signal-safety(7)): one write, and errno as it was.
        unsafe action.__sigaction_handler.sa_sigaction = { signal, information, _ in
            let descriptor = signalPipe.load(ordering: .relaxed)
            guard descriptor >= 0 else { return }
            let isFromTerminal = unsafe information?.pointee.si_code == CInt(SI_KERNEL)
            var byte = UInt8(truncatingIfNeeded: signal) | (isFromTerminal ? 0x80 : 0)
            let savedError = errno
            _ = unsafe write(descriptor, &byte, 1)
            errno = savedError
        }
        action.sa_flags = SA_SIGINFO | SA_RESTART
        return action
    }

    /// Waits for the next signal; blocks its thread.
    ///
    /// - Returns: Nothing once the relay was stopped.
    func next() -> Caught? {
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(self.pipe.reader, &byte, 1)
            if count == -1, errno == EINTR { continue }
            guard count == 1, byte != Self.endMark else { return nil }
            return Caught(signal: Int32(byte & ~Self.terminalMark), isFromTerminal: byte & Self.terminalMark != 0)
        }
    }

    /// Stops catching signals, and lets `next` return.
    func stop() {
        for entry in self.restored {
            var action = entry.action
            unsafe sigaction(entry.signal, &action, nil)
        }
        signalPipe.store(-1, ordering: .sequentiallyConsistent)
        self.pipe.write(Self.endMark)
    }

    deinit {
        self.pipe.close()
    }
}
