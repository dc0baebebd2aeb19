internal import SluiceAdmission
internal import SluiceBase
internal import SluiceSystem

/// The machine that a configuration will run on: demands that the machine may not meet are warnings.
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
        Self(openFileLimit: CLibrary.openFileLimit(), now: Int(WallTime.now().milliseconds / 1000))
    }

    /// Warns of demands that the machine may not meet.
    func check(_ configuration: GatewayConfiguration, _ reading: inout ConfigurationReading) {
        let total = configuration.limits.connections.total
        if self.openFileLimit < total + Self.reservedDescriptors {
            let message =
                "\(total) connections need about \(total + Self.reservedDescriptors) open files, and ulimit -n is "
                + "\(self.openFileLimit): raise it, or lower the limit"
            reading.warn(message, "limits.connections.total")
        }
        if configuration.listen.plaintext, !IPAddress.isLoopback(host: configuration.listen.host) {
            let message =
                "\(configuration.listen.host) can be reached from other machines: tokens and messages cross the "
                + "network unencrypted; only a proxy on this machine, at 127.0.0.1, should come here without TLS"
            reading.warn(message, "listen.plaintext", becauseOf: "listen.host")
        }
        if !IPAddress.isLoopback(host: configuration.admin.host) {
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
}
