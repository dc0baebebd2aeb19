import Logging
import SluiceClient
import SluiceServer

/// The messages of `sluice serve` about its configuration, once there is a log.
///
/// As text, a fault is a line as `sluice check` prints it, for a person or an editor to follow; as JSON, every line is
/// an event of the log.
struct OperatorLog {
    let logger: Logger
    let format: GatewayConfiguration.Log.Format

    /// Something stands in the way of the start.
    func cannotStart(_ error: any Error) {
        switch self.format {
        case .text:
            LoggingSetup.write("sluice: cannot start: \(error)")
        case .json:
            self.logger.critical("cannot start", metadata: ["error": "\(error)"])
        }
    }

    /// Warnings about a configuration that is taken over.
    func warn(_ warnings: [ConfigurationFault]) {
        for warning in warnings {
            switch self.format {
            case .text:
                self.logger.warning("\(warning.description)")
            case .json:
                self.logger.warning("\(warning.message)", metadata: warning.metadata)
            }
        }
    }

    /// The changed file is faulty.
    func notReloaded(_ faults: ConfigurationFaults) {
        switch self.format {
        case .text:
            LoggingSetup.write(faults.description)
        case .json:
            for fault in faults.faults {
                self.logger.error("\(fault.message)", metadata: fault.metadata)
            }
        }
        let count = faults.faults.count
        self.logger.error(
            "configuration not reloaded; the old one stays",
            metadata: ["faults": .stringConvertible(count)]
        )
    }

    /// The changed file was good, but could not be taken over.
    func notReloaded(_ error: any Error) {
        self.logger.error("configuration not reloaded; the old one stays", metadata: ["error": "\(error)"])
    }
}

/// Lines to a person.
enum Console {
    /// A line on standard output.
    static func line(_ line: String) {
        _ = PassThrough.write(Array("\(line)\n".utf8)[...], to: .standardOutput)
    }

    /// A line on standard error, as it is.
    static func error(_ line: String) {
        _ = PassThrough.write(Array("\(line)\n".utf8)[...], to: .standardError)
    }
}
