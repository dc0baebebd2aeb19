/// A configuration that can be used, and what its operator should hear all the same.
package struct LoadedConfiguration: Sendable, Equatable {
    /// The checked configuration; every path in it is absolute.
    package var configuration: GatewayConfiguration
    /// What is unwise but possible, in the order of the file.
    package var warnings: [ConfigurationFault]
}
