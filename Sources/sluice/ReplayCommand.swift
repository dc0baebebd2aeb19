import ArgumentParser
import Foundation
import SluiceClient

/// `sluice replay`: an exported scan, posted again in its rhythm.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Post an exported scan again, in its rhythm.",
        discussion: """
            Reads what "sluice export" wrote and posts each message as long after the first as it came then. Prints \
            the gateway's summary at the end. Exits with 1 if the gateway refuses, or if the file is damaged; then \
            nothing was posted.
            """
    )

    @Argument(help: ArgumentHelp("What was exported.", valueName: "file"))
    var file: String

    @Option(name: .long, help: ArgumentHelp("The id of the scan to post to.", valueName: "id"))
    var scan: String

    @Option(name: .long, help: ArgumentHelp("How many times as fast; 0 for as fast as it goes.", valueName: "factor"))
    var speed = 1.0

    @OptionGroup
    var client: ClientOptions

    func validate() throws {
        guard self.speed >= 0, self.speed.isFinite else {
            throw ValidationError("--speed is 0 or more")
        }
    }

    func run() async throws {
        let connection = try self.client.connection()
        let publisher = try ClientOptions.checked { () throws(ClientError) in
            try Publisher(scanID: self.scan, connection: connection, report: ClientOptions.report)
        }
        let outcome = await publisher.publish(try self.recording())
        if let failure = outcome.failure {
            ClientOptions.report(failure)
            throw ExitCode(1)
        }
        if case .accepted(let summary) = outcome { print(summary) }
    }

    /// The content of the file; an invalid file is not an error of usage.
    private func recording() throws -> RecordedInput {
        guard let content = try? Data(contentsOf: URL(fileURLWithPath: self.file), options: .mappedIfSafe) else {
            ClientOptions.report("\(self.file) cannot be read")
            throw ExitCode(1)
        }
        do throws(ClientError) {
            return try RecordedInput(content, speed: self.speed)
        } catch {
            ClientOptions.report("\(self.file): \(error)")
            throw ExitCode(1)
        }
    }
}
