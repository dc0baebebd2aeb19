import ArgumentParser
import SluiceServer

/// The command `sluice check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration without starting.",
        discussion: "Says everything that is wrong, with its place. Exits with 0, or with 78 if something is."
    )

    @OptionGroup
    var file: ConfigurationOption

    @Flag(name: .long, help: "Print every key with its default and its environment variable, and check nothing.")
    var reference = false

    func run() throws {
        if self.reference {
            Console.line(GatewayConfiguration.reference)
            return
        }
        let loaded = try self.file.load()
        for warning in loaded.warnings {
            Console.error("warning: \(warning.description)")
        }
        Console.line("\(self.file.config): good")
    }
}
