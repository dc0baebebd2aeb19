import ArgumentParser
import SluiceClient

/// `sluice publish`: relay standard input.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Relay messages from standard input.",
        discussion: """
            Reads one JSON object a line, each with a string "type", and sends each as it comes, all in one request. \
            Where the gateway ends that for now (it restarts, or its disk is full), another request goes on behind the \
            last message that has its number; after 30 seconds in which it takes nothing it is given up. Prints the \
            gateway's summary at the end. Exits with 1 if the gateway refuses, and says how many messages were taken.
            """
    )

    @Argument(help: ArgumentHelp("The scan's id.", valueName: "scan"))
    var scan: String

    @OptionGroup
    var client: ClientOptions

    func run() async throws {
        let connection = try self.client.connection()
        let publisher = try ClientOptions.checked { () throws(ClientError) in
            try Publisher(scanID: self.scan, connection: connection, report: ClientOptions.report)
        }
        let outcome = await publisher.publish(DescriptorInput())
        if let failure = outcome.failure {
            ClientOptions.report(failure)
            throw ExitCode(1)
        }
        if case .accepted(let summary) = outcome { print(summary) }
    }
}
