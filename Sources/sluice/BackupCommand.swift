import ArgumentParser
import SluiceServer
import SluiceStorage

/// `sluice backup`: a copy of the storage, whether a gateway uses it or not.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the storage, also of a gateway that runs.",
        discussion: """
            The copy has everything that was acknowledged before it began. It is made in the folder, which a gateway can \
            be given as storage.path; a store that is there already is not written over. Run it as the gateway's user. \
            Exits with 1 if there is no copy, or it is not whole.
            """
    )

    @Argument(help: ArgumentHelp("Where to; made if it is not there.", valueName: "folder"))
    var folder: String

    @OptionGroup
    var file: ConfigurationOption

    func run() throws {
        guard let path = try self.file.load().configuration.storage.path else {
            Console.error("sluice: the configuration has no storage.path")
            throw ConfigurationOption.faultExit
        }
        do {
            let byteCount = try StoreBackup(folder: path).copy(to: self.folder)
            Console.line("\(self.folder)/sluice.db: \(byteCount) bytes")
        } catch {
            Console.error("sluice: \(error)")
            throw ExitCode.failure
        }
    }
}
