import ArgumentParser
import Foundation
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
        let environment = ProcessInfo.processInfo.environment
        let processID = ProcessInfo.processInfo.processIdentifier
        let sockets = InheritedSockets(environment: environment, processID: processID)
        if !sockets.unused.isEmpty {
            logger.warning("sockets that are not used", metadata: ["names": "\(sockets.unused.joined(separator: ":"))"])
        }
        let gateway: Gateway
        do {
            let store = try StoreFactory.open(loaded.configuration.storage, logger: logger)
            let engine = try EngineFactory.maker(loaded.configuration, log: log)
            gateway = try await Gateway(
                loaded.configuration,
                logger: logger,
                store: store,
                revocations: store,
                hookStore: store,
                engine: engine,
                sockets: sockets
            )
        } catch {
            log.cannotStart(error)
            LoggingSetup.flush()
            throw ExitCode.failure
        }
        let manager = ServiceManager(environment: environment, processID: processID)
        manager.tell(.ready)
        let watch = Task { await Self.watch(gateway, manager) }
        for await signal in signals {
            guard signal == .sighup else {
                break
            }
            manager.tell(.reloading(microseconds: ServiceManager.monotonicMicroseconds()))
            self.reload(gateway, level, log)
            manager.tell(.ready)
        }
        manager.tell(.stopping)
        defer { LoggingSetup.flush() }
        try await gateway.stop()
        watch.cancel()
    }

    /// Tells the service manager that the process lives, for as long as every event loop gets its turn.
    private static func watch(_ gateway: Gateway, _ manager: ServiceManager) async {
        guard let interval = manager.watchdogInterval else {
            return
        }
        while !Task.isCancelled {
            do {
                try await gateway.turn()
                manager.tell(.alive)
                try await Task.sleep(for: interval)
            } catch {
                // The loops have ended, or the watch has.
                return
            }
        }
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
