import ArgumentParser
import SluiceBase
import SluiceClient

/// What the commands that manage a gateway have in common.
enum Managing {
    /// The time of day, in milliseconds since 1970.
    static var now: Int { Int(WallTime.now().milliseconds) }

    /// Asks the gateway that the options name.
    ///
    /// - Throws: The exit code for an answer that is none; the reason is told.
    static func asked<Answer>(
        _ client: ClientOptions,
        _ body: (GatewayAPI) async throws(GatewayAPI.Failure) -> Answer
    ) async throws -> Answer {
        let api = GatewayAPI(try client.connection())
        do throws(GatewayAPI.Failure) {
            return try await body(api)
        } catch {
            ClientOptions.report(error.description)
            throw ExitCode.failure
        }
    }

    /// Writes lines to standard output.
    static func show(_ lines: [String]) {
        _ = PassThrough.write(Array(lines.map { "\($0)\n" }.joined().utf8)[...], to: .standardOutput)
    }
}
