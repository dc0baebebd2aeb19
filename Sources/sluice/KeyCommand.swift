import ArgumentParser
import SluiceServer

/// The command `sluice key`.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "The SHA-256 of an ingest key, for auth.ingest_keys."
    )

    @Argument(help: ArgumentHelp("The ingest key.", valueName: "secret"))
    var secret: String

    func validate() throws {
        if self.secret.isEmpty {
            throw ValidationError("The key is empty.")
        }
    }

    func run() throws {
        Console.line(TokenMint.digest(ofIngestKey: self.secret))
    }
}
