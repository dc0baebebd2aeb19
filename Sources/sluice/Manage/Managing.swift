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

    /// Refuses a command line on which not exactly one of some options is given, or one is empty.
    ///
    /// An empty name comes of a script's variable that is not set, and is not to be taken for "none".
    static func requireOne(of options: [String?], _ words: String) throws {
        let given = options.compactMap { $0 }
        guard given.count == 1, given[0] != "" else {
            throw ValidationError(words)
        }
    }

    /// Writes lines to standard output.
    static func show(_ lines: [String]) {
        _ = PassThrough.write(Array(lines.map { "\($0)\n" }.joined().utf8)[...], to: .standardOutput)
    }

    /// Writes JSON to standard output, one value a line; on a terminal nothing in it can steer that.
    static func show(json lines: [String]) {
        _ = PassThrough.show(json: Array(lines.map { "\($0)\n" }.joined().utf8))
    }
}
