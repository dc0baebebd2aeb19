/// Everything that keeps a configuration from being used, in one go.
package struct ConfigurationFaults: Error, Equatable, CustomStringConvertible {
    /// The faults, at least one: the whole file's, then by position, then by variable.
    package let faults: [ConfigurationFault]

    /// One fault a line.
    package var description: String {
        self.faults.map(\.description).joined(separator: "\n")
    }
}
