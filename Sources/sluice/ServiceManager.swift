import SluiceSystem

/// Tells the service manager, by systemd's protocol (sd_notify(3)), that the process serves, reloads, stops and lives.
///
/// Silent where it was not asked for. A message that does not arrive is not sent again.
struct ServiceManager: Sendable {
    /// The states that systemd can be told.
    enum State: Equatable {
        /// Clients are served.
        case ready
        /// The configuration is being read; `ready` follows. The monotonic clock, in microseconds, is from before it.
        case reloading(microseconds: UInt64)
        /// The process ends.
        case stopping
        /// The process is well.
        case alive

        var text: String {
            switch self {
            case .ready: "READY=1"
            case .reloading(let microseconds): "RELOADING=1\nMONOTONIC_USEC=\(microseconds)"
            case .stopping: "STOPPING=1"
            case .alive: "WATCHDOG=1"
            }
        }
    }

    /// The address of the socket: a path, or, after `@`, a name that is in no file system (unix(7)).
    private let address: String?
    /// How often `alive` must be sent; nil if it is not expected.
    let watchdogInterval: Duration?

    /// - Parameters:
    ///   - environment: The environment that the process was started with.
    ///   - processID: The process; a watchdog may mean another one.
    init(environment: [String: String], processID: Int32) {
        self.address = environment["NOTIFY_SOCKET"]
        let isMeant = environment["WATCHDOG_PID"].map { $0 == String(processID) } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
        // Twice within the time, as sd_watchdog_enabled(3) advises.
        self.watchdogInterval =
            if isMeant, self.address != nil, let microseconds, microseconds > 1 {
                .microseconds(microseconds / 2)
            } else {
                nil
            }
    }

    /// Tells it.
    func tell(_ state: State) {
        guard let address = self.address, let first = address.utf8.first else {
            return
        }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var path = Array(address.utf8)
        if first == UInt8(ascii: "@") {
            path[0] = 0
        }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + path.count } ?? 0
        let hasRoom = unsafe withUnsafeMutableBytes(of: &name.sun_path) { bytes in
            guard path.count < bytes.count else {
                return false
            }
            unsafe bytes.copyBytes(from: path)
            return true
        }
        guard hasRoom else {
            return
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            return
        }
        defer { close(descriptor) }
        let text = Array(state.text.utf8)
        // Of signs of life another one follows; the others are waited for, since a start without `ready` fails.
        let isRepeated = if case .alive = state { true } else { false }
        _ = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe sendto(
                    descriptor,
                    text,
                    text.count,
                    Int32(MSG_NOSIGNAL) | (isRepeated ? Int32(MSG_DONTWAIT) : 0),
                    pointer,
                    socklen_t(length)
                )
            }
        }
    }

    /// The monotonic clock, in microseconds.
    static func monotonicMicroseconds() -> UInt64 {
        UInt64(clamping: CLibrary.nanoseconds(of: CLOCK_MONOTONIC) / 1000)
    }
}
