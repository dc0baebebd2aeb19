import ArgumentParser
import SluiceClient
import SluiceServer

/// The command: arguments, configuration, and then one of the product's parts.
@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "A WebSocket gateway for live scan progress.",
        version: Release.version,
        subcommands: [
            InitCommand.self, ServeCommand.self, CheckCommand.self, DemoCommand.self,
            RunCommand.self, PublishCommand.self, WatchCommand.self, ExportCommand.self, ReplayCommand.self,
            ScansCommand.self, ConnectionsCommand.self, RevokeCommand.self, LinkCommand.self,
            BackupCommand.self, TokenCommand.self, KeyCommand.self, CertificateCommand.self,
        ]
    )

    static func main() async {
        // Before anything is opened: a scanner gets what it was given, and nothing of ours.
        InheritedDescriptors.note()
        await self.main(nil)
    }
}
