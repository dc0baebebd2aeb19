import ArgumentParser
import Logging
import SluiceServer
import UnixSignals

/// The command `sluice serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the gateway.",
        discussion: """
            SIGTERM and SIGINT drain and end it, SIGHUP reads the configuration and the certificates again. Exits \
            with 78 if the configuration is unusable. Logs go to standard error.
            """
    )

    @OptionGroup
    var file: ConfigurationOption

    func run() async throws {
        let loaded = try self.file.load()
        let level = LoggingSetup.bootstrap(loaded.configuration.log)
        let logger = Logger(label: "sluice")
        let log = OperatorLog(logger: logger, format: loaded.configuration.log.format)
        log.warn(loaded.warnings)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let gateway: Gateway
        do {
            let store = try StoreFactory.open(loaded.configuration.storage, logger: logger)
            gateway = try await Gateway(loaded.configuration, logger: logger, store: store, revocations: store)
        } catch {
            log.cannotStart(error)
            throw ExitCode.failure
        }
        for await signal in signals {
            guard signal == .sighup else {
                break
            }
            self.reload(gateway, level, log)
        }
        try await gateway.stop()
    }

    /// Takes over the changed file; a faulty one is reported, and the old one stays.
    private func reload(_ gateway: Gateway, _ level: LogLevel, _ log: OperatorLog) {
        let loaded: LoadedConfiguration
        do throws(ConfigurationFaults) {
            loaded = try ConfigurationOption.read(self.file.config)
        } catch {
            gateway.reloadFailed()
            log.notReloaded(error)
            return
        }
        do {
            try gateway.reload(loaded.configuration)
            level.current = loaded.configuration.log.level
            log.warn(loaded.warnings)
        } catch {
            // A file that changed once more meanwhile.
            gateway.reloadFailed()
            log.notReloaded(error)
        }
    }
}
