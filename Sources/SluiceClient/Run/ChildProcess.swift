import CSpawn
import Foundation
import SluiceSystem
import Synchronization

/// A scanner that runs: where its output comes out, and how it ends.
final class ChildProcess: Sendable {
    /// A command that could not be started.
    struct StartError: Error {
        /// The number that the system gave.
        let number: Int32

        /// How a shell would exit.
        var exitCode: Int32 { self.number == ENOENT || self.number == ENOTDIR ? 127 : 126 }

        /// The reason in the system's words.
        var reason: String { CLibrary.text(ofError: self.number) }
    }

    /// The reading end of each stream; its reader closes it.
    let output: Int32
    let error: Int32

    /// Nothing once it has been waited for: the number may then belong to another process.
    private let processID: Mutex<pid_t?>

    private init(processID: pid_t, output: Int32, error: Int32) {
        self.processID = Mutex(processID)
        self.output = output
        self.error = error
    }

    /// Starts `command`, found as a shell finds it, with our standard input and environment.
    ///
    /// - Parameters:
    ///   - command: The command and its arguments.
    ///   - kept: The descriptors that it gets besides standard input, output and error.
    /// - Returns: The command as it runs.
    /// - Throws: If it could not be started.
    static func start(_ command: [String], keeping kept: InheritedDescriptors) throws(StartError) -> ChildProcess {
        guard let output = DescriptorPair.open() else { throw StartError(number: errno) }
        guard let error = DescriptorPair.open() else {
            let number = errno
            output.close()
            throw StartError(number: number)
        }
        do {
            let processID = try self.spawn(command, output: output.writer, error: error.writer, kept: kept)
            close(output.writer)
            close(error.writer)
            return ChildProcess(processID: processID, output: output.reader, error: error.reader)
        } catch let failure {
            output.close()
            error.close()
            throw failure
        }
    }

    /// Waits for the end; blocks its thread.
    func wait() -> ScannerExit {
        guard let processID = self.processID.withLock({ $0 }) else { return .exited(0) }
        // First only look, so that the number stays the scanner's while `send` may use it.
        var information = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        var status: Int32 = 0
        self.processID.withLock { known in
            while unsafe waitpid(processID, &status, 0) == -1, errno == EINTR {}
            known = nil
        }
        // The low seven bits are the signal, the next eight the code (wait(2)).
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }

    /// Sends a signal, unless the scanner has ended.
    func send(signal: Int32) {
        self.processID.withLock { processID in
            if let processID { _ = kill(processID, signal) }
        }
    }

    private static func spawn(
        _ command: [String],
        output: Int32,
        error: Int32,
        kept: InheritedDescriptors
    ) throws(StartError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO)
        // A connection that a child holds too does not end when we close it. All numbers are closed but those that
        // were there at the start, in use or not: other threads open connections at any moment.
        for descriptor in kept.gaps { unsafe posix_spawn_file_actions_addclose(&actions, descriptor) }
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, kept.end)

        // The scanner would inherit signals ignored here, but a broken pipe must end it as usual.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        var environment =
            unsafe ProcessInfo.processInfo.environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
            for index in unsafe environment.indices { unsafe free(environment[index]) }
        }
        var processID: pid_t = 0
        let result = unsafe posix_spawnp(&processID, command[0], &actions, &attributes, &arguments, &environment)
        guard result == 0 else { throw StartError(number: result) }
        return processID
    }
}

/// The two ends of a pipe that no started command inherits.
struct DescriptorPair: Sendable {
    let reader: Int32
    let writer: Int32

    /// Opens a pipe; nothing if the system has none left, `errno` then says why.
    static func open() -> DescriptorPair? {
        var ends: [Int32] = [-1, -1]
        // In one call: between two, a command that another thread starts would inherit both ends.
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { return nil }
        return DescriptorPair(reader: ends[0], writer: ends[1])
    }

    /// Closes both ends.
    func close() {
        _ = SluiceSystem.close(self.reader)
        _ = SluiceSystem.close(self.writer)
    }

    /// Writes one byte.
    func write(_ byte: UInt8) {
        var byte = byte
        _ = unsafe SluiceSystem.write(self.writer, &byte, 1)
    }
}

/// The files and pipes that we were started with, for the scanner to have too: a shell may have opened them for it
/// (`nmap -iL <(…)`).
///
/// Looked for before this process opens anything: later a number does not tell whose it is.
package struct InheritedDescriptors: Sendable {
    private static let noted = Mutex<InheritedDescriptors?>(nil)

    /// What `note` found; nothing where it was not called.
    package static var atStart: InheritedDescriptors { self.noted.withLock { $0 } ?? InheritedDescriptors([]) }

    private let numbers: Set<Int32>

    /// The first number behind all of them.
    let end: Int32

    /// The numbers between them, behind those of the standard streams, that are none.
    var gaps: [Int32] { (STDERR_FILENO + 1..<self.end).filter { !self.numbers.contains($0) } }

    /// Looks for them: the first thing that a program does.
    package static func note() {
        let found = self.current()
        self.noted.withLock { $0 = found }
    }

    /// Looks for the open files and pipes that a started command would inherit now.
    private static func current() -> InheritedDescriptors {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return InheritedDescriptors(Set(names.compactMap { Int32($0) }.filter(self.isForTheScanner)))
    }

    init(_ numbers: Set<Int32>) {
        self.numbers = numbers
        self.end = (numbers.max() ?? STDERR_FILENO) + 1
    }

    private static func isForTheScanner(_ descriptor: Int32) -> Bool {
        guard descriptor > STDERR_FILENO, fcntl(descriptor, F_GETFD) & FD_CLOEXEC == 0,
            let status = FileStatus(descriptor: descriptor)
        else { return false }
        return status.kind != .other
    }
}
