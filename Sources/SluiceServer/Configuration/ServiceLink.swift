/// The variables by which Kubernetes tells every pod of each service of its namespace: for a service named `sluice`,
/// `SLUICE_SERVICE_HOST` and `SLUICE_PORT_8443_TCP`, which are no keys of ours.
enum ServiceLink {
    private static let protocols = ["tcp", "udp", "sctp"]

    /// Whether a variable has such a name, and such a value where the name alone could be anything.
    static func matches(_ name: String, _ value: String) -> Bool {
        if name.hasSuffix("_SERVICE_HOST") || name.hasSuffix("_SERVICE_PORT") {
            return true
        }
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() where part == "PORT" {
            let rest = parts[(index + 1)...]
            if rest.isEmpty, Self.protocols.contains(where: { value.hasPrefix($0 + "://") }) {
                return true
            }
            if rest.count >= 2, Int(rest[index + 1]) != nil, Self.protocols.contains(rest[index + 2].lowercased()) {
                return true
            }
            // Ports that have names: SLUICE_SERVICE_PORT_HTTPS.
            if !rest.isEmpty, index > 0, parts[index - 1] == "SERVICE" {
                return true
            }
        }
        return false
    }
}
