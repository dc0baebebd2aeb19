import ArgumentParser
import SluiceClient

/// `sluice publish`: relay standard input.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Relay messages from standard input.",
        discussion: """
            Reads one JSON object a line, each with a string "type", and sends each as it comes, all in one request. \
            Prints the gateway's summary at the end. Exits with 1 if the gateway refuses.
            """
    )

    @Argument(help: ArgumentHelp("The scan's id.", valueName: "scan"))
    var scan: String

    @OptionGroup
    var client: ClientOptions

    func run() async throws {
        let connection = try self.client.connection()
        let publisher = try ClientOptions.checked { () throws(ClientError) in
            try Publisher(scanID: self.scan, connection: connection)
        }
        switch await publisher.publish(DescriptorInput()) {
        case .accepted(let summary):
            print(summary)
        case .refused(let problem):
            let accepted = problem.accepted.map { "; \($0) message(s) before it were taken" } ?? ""
            ClientOptions.report("the gateway refused: \(problem)\(accepted)")
            throw ExitCode(1)
        case .failed(let reason):
            ClientOptions.report(reason)
            throw ExitCode(1)
        }
    }
}
