import ArgumentParser
import SluiceClient
import SluiceServer
import SluiceStorage

/// `sluice export`: a stored scan as lines.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a stored scan's messages as NDJSON, with their original times.",
        discussion: """
            Reads the storage that the configuration names, whether a gateway uses it or not. Each line is \
            {"at":<milliseconds since 1970>,"seq":<number>,"message":<the object as posted>}; "sluice replay" posts \
            them again. Exits with 1 if there is no such scan.
            """
    )

    @Argument(help: ArgumentHelp("The scan's id.", valueName: "scan"))
    var scan: String

    @OptionGroup
    var file: ConfigurationOption

    func run() throws {
        let storage = try self.file.load().configuration.storage
        guard let path = storage.path else {
            Console.error("sluice: the configuration has no storage.path")
            throw ConfigurationOption.faultExit
        }
        let count: Int?
        do {
            count = try ScanExport(folder: path)
                .export(self.scan) { line in
                    guard PassThrough.write(line[...], to: .standardOutput) else {
                        throw ExitCode.failure
                    }
                }
        } catch let error as StoreError {
            Console.error("sluice: \(error)")
            throw ExitCode.failure
        }
        guard count != nil else {
            Console.error("sluice: no scan \(self.scan) in storage")
            throw ExitCode.failure
        }
    }
}
