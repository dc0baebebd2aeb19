import ArgumentParser
import Foundation
import SluiceServer

/// The configuration file of a command that works for the gateway's operator.
struct ConfigurationOption: ParsableArguments {
    /// The exit code of a command with an unusable configuration: EX_CONFIG of sysexits(3).
    static let faultExit = ExitCode(78)

    @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config = "config.yaml"

    /// Reads the file and the environment; reports all faults at once.
    ///
    /// - Throws: The exit code for an unusable configuration.
    func load() throws -> LoadedConfiguration {
        try Self.load(self.config)
    }

    /// Reads a file and the environment; reports all faults at once.
    ///
    /// - Throws: The exit code for an unusable configuration.
    static func load(_ path: String) throws -> LoadedConfiguration {
        do throws(ConfigurationFaults) {
            return try Self.read(path)
        } catch {
            Console.error(error.description)
            throw Self.faultExit
        }
    }

    /// Reads a file and the environment.
    ///
    /// - Throws: All that is wrong.
    static func read(_ path: String) throws(ConfigurationFaults) -> LoadedConfiguration {
        try GatewayConfiguration.load(path: path, environment: ProcessInfo.processInfo.environment)
    }
}
