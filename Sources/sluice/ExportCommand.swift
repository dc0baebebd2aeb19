import ArgumentParser
import SluiceClient
import SluiceServer
import SluiceStorage

/// `sluice export`: a scan's history as lines, from the storage or from a gateway.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a scan's messages as NDJSON, with their original times.",
        discussion: """
            With --url it asks a running gateway for all that it can still give, from memory and storage. With --config \
            it reads the storage that the configuration names, whether a gateway uses it or not. With neither, \
            $SLUICE_URL decides, and without that config.yaml.

            Each line is {"at":<milliseconds since 1970>,"seq":<number>,"message":<the object as posted>}; "sluice \
            replay" posts them again. Exits with 1 if there is no such scan, or not all of it could be read.
            """
    )

    @Argument(help: ArgumentHelp("The scan's id.", valueName: "scan"))
    var scan: String

    @Option(name: .long, help: ArgumentHelp("The configuration file that names the storage.", valueName: "file"))
    var config: String?

    @OptionGroup
    var client: ClientOptions

    func validate() throws {
        guard self.config == nil || self.client.url.isEmpty else {
            throw ValidationError("Either --url, for a gateway, or --config, for its storage.")
        }
    }

    func run() async throws {
        let hasGateway = !self.client.url.isEmpty || ClientOptions.variable("SLUICE_URL") != nil
        if self.config == nil, hasGateway {
            try await self.exportFromGateway()
        } else {
            try self.exportFromStorage(self.config ?? "config.yaml")
        }
    }

    private func exportFromGateway() async throws {
        let connection = try self.client.connection()
        let exporter = try ClientOptions.checked { () throws(ClientError) in
            try Exporter(scanID: self.scan, connection: connection)
        }
        switch await exporter.export(to: { PassThrough.show(json: $0) }) {
        case .completed(let damaged):
            try Self.report(damaged)
            return
        case .refused(let problem):
            ClientOptions.report("the gateway refused: \(problem)")
        case .failed(let reason):
            ClientOptions.report(reason)
        case .outputClosed:
            break
        }
        throw ExitCode.failure
    }

    /// Reports messages that are left out; the export is then not whole.
    private static func report(_ damagedCount: Int) throws {
        guard damagedCount == 0 else {
            ClientOptions.report("\(damagedCount) message(s) are damaged and were left out")
            throw ExitCode.failure
        }
    }

    private func exportFromStorage(_ config: String) throws {
        guard let path = try ConfigurationOption.load(config).configuration.storage.path else {
            Console.error("sluice: the configuration has no storage.path")
            throw ConfigurationOption.faultExit
        }
        let damaged: Int?
        do {
            damaged = try ScanExport(folder: path)
                .export(self.scan) { line in
                    guard PassThrough.show(json: line) else {
                        throw ExitCode.failure
                    }
                }
        } catch let error as StoreError {
            Console.error("sluice: \(error)")
            throw ExitCode.failure
        }
        guard let damaged else {
            Console.error("sluice: no scan \(self.scan) in storage")
            throw ExitCode.failure
        }
        try Self.report(damaged)
    }
}
