import SluiceBase
import SluiceSystem

/// How a scanner ended.
package enum ScannerExit: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)

    /// It never ran: the code is a shell's, 127 where there is no such command, 126 where it cannot be run.
    case notStarted(code: Int32, reason: String)

    /// The exit code of `sluice run`: the scanner's own code, or 128 plus the signal's number, as in a shell.
    package var code: Int32 {
        switch self {
        case .exited(let code), .notStarted(let code, _):
            code
        case .killed(let signal):
            128 + signal
        }
    }

    /// The message that ends the scan.
    ///
    /// - Parameters:
    ///   - command: The command's name, for the words.
    ///   - elapsed: How long the scan took, in seconds.
    ///   - errorTail: The command's last output on standard error, if there was any.
    /// - Returns: `scanCompleted` after exit 0, else `error`.
    func message(command: String, elapsed: Double, errorTail: String?) -> ProgressMessage {
        switch self {
        case .exited(0):
            ProgressMessage("scanCompleted") { object in
                object.member("exitCode", 0)
                object.member("elapsed", elapsed)
            }
        case .exited(let code):
            ProgressMessage("error") { object in
                object.member("message", "\(command) exited with code \(code)")
                object.member("exitCode", Int(code))
                object.member("elapsed", elapsed)
                object.member("stderr", ifPresent: errorTail)
            }
        case .killed(let signal):
            ProgressMessage("error") { object in
                object.member("message", "\(command) was ended by \(SignalName.of(signal))")
                object.member("signal", SignalName.of(signal))
                object.member("elapsed", elapsed)
                object.member("stderr", ifPresent: errorTail)
            }
        case .notStarted(let code, let reason):
            ProgressMessage("error") { object in
                object.member("message", "\(command) could not be started: \(reason)")
                object.member("exitCode", Int(code))
            }
        }
    }
}

/// How a scanner ended, and whether its messages arrived.
package struct RunOutcome: Sendable, Equatable {
    /// The exit code of `sluice run` after exit 0 of a scanner whose messages were refused (sysexits.h: EX_PROTOCOL).
    package static let refusedCode: Int32 = 76

    package let status: ScannerExit

    /// How many messages the gateway refused for good.
    package let refusedCount: Int

    /// The exit code of `sluice run`: the scanner's code, unless that is 0 and hides that messages were refused.
    package var code: Int32 {
        self.status.code == 0 && self.refusedCount > 0 ? Self.refusedCode : self.status.code
    }
}

/// The names of signals.
enum SignalName {
    private static let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
        SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
        SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
    ]

    /// The name of a signal; of a rare one its number.
    static func of(_ signal: Int32) -> String {
        self.names[signal] ?? "signal \(signal)"
    }
}
