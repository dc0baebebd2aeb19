#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What a configuration asks of the machine, and the machine may not give.
package enum ConfigurationWarnings {
    /// Descriptors besides the connections: listeners, event loops, logs, the store and its journal, key files.
    private static let reservedDescriptors = 64

    /// How many descriptors this process may have open: the soft limit of `RLIMIT_NOFILE`, `ulimit -n`.
    package static func openFileLimit() -> Int {
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

    /// What does not fit the machine; empty if all does.
    ///
    /// - Parameters:
    ///   - configuration: What is asked for.
    ///   - openFileLimit: How many descriptors the process may have open.
    /// - Returns: One sentence for each.
    package static func warnings(for configuration: GatewayConfiguration, openFileLimit: Int) -> [String] {
        let wanted = configuration.limits.connections.total + Self.reservedDescriptors
        guard openFileLimit < wanted else {
            return []
        }
        return [
            "limits.connections.total: \(configuration.limits.connections.total) connections need about \(wanted) "
                + "open files, and ulimit -n is \(openFileLimit): raise it, or lower the limit"
        ]
    }
}
