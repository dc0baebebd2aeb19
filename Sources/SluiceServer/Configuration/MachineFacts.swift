#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What a configuration is to run on: what it asks of the machine, and the machine may not give, is a warning.
package struct MachineFacts: Sendable {
    /// Descriptors besides the connections: listeners, event loops, logs, the store and its journal, key files.
    private static let reservedDescriptors = 64

    /// How many descriptors the process may have open.
    package var openFileLimit: Int
    /// The time of day, in seconds since 1970.
    package var now: Int

    package init(openFileLimit: Int, now: Int) {
        self.openFileLimit = openFileLimit
        self.now = now
    }

    /// The machine that this runs on.
    package static func measured() -> Self {
        Self(openFileLimit: self.openFileLimit(), now: LogTime.now().milliseconds / 1000)
    }

    /// How many descriptors this process may have open: the soft limit of `RLIMIT_NOFILE`, `ulimit -n`.
    static func openFileLimit() -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard unsafe getrlimit(resource, &limit) == 0 else {
            return .max
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Warns of what does not fit.
    func check(_ configuration: GatewayConfiguration, _ reading: inout ConfigurationReading) {
        let total = configuration.limits.connections.total
        if self.openFileLimit < total + Self.reservedDescriptors {
            let message =
                "\(total) connections need about \(total + Self.reservedDescriptors) open files, and ulimit -n is "
                + "\(self.openFileLimit): raise it, or lower the limit"
            reading.warn(message, "limits.connections.total")
        }
        if configuration.listen.plaintext, !Self.isLoopback(configuration.listen.host) {
            let message =
                "\(configuration.listen.host) can be reached from other machines: tokens and messages cross the "
                + "network unencrypted; only a proxy on this machine, at 127.0.0.1, should come here without TLS"
            reading.warn(message, "listen.plaintext", becauseOf: "listen.host")
        }
        if !Self.isLoopback(configuration.admin.host) {
            let message =
                "\(configuration.admin.host) can be reached from other machines: whoever reaches it reads the metrics "
                + "without a token; 127.0.0.1, or an address of the monitoring network alone, is safer"
            reading.warn(message, "admin.host")
        }
    }

    /// Whole days, in words.
    static func days(_ seconds: Int) -> String {
        let days = seconds / 86_400
        return days == 0 ? "less than a day" : days == 1 ? "1 day" : "\(days) days"
    }

    /// Whether nothing but this machine reaches a host's address.
    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}
