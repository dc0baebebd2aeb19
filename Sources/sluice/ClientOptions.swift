import ArgumentParser
import Foundation
import SluiceClient

/// The gateway that a command talks to, and the credential: the same for all commands that talk to one.
struct ClientOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The gateway, as https://host:port; several times for gateways that share their scans: what one does not "
                + "take goes on at the next. Default: $SLUICE_URL, with commas between several.",
            valueName: "url"
        )
    )
    var url: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A token or ingest key. Default: $SLUICE_TOKEN, which other users of this machine cannot see.",
            valueName: "token"
        )
    )
    var token: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file that holds the token instead; it is read again when it changes.",
            valueName: "file"
        )
    )
    var tokenFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Trust the certificates of this PEM file instead of the system's. Default: $SLUICE_CA.",
            valueName: "file"
        )
    )
    var ca: String?

    @Flag(name: .long, help: "Take any certificate. Whoever stands between can then read the token.")
    var insecure = false

    func validate() throws {
        guard self.token == nil || self.tokenFile == nil else {
            throw ValidationError("Either --token or --token-file.")
        }
    }

    /// The settings from the options and the environment together.
    ///
    /// - Throws: An error of usage for a value that is missing or cannot be used.
    func connection() throws -> GatewayConnection {
        let listed = ClientOptions.variable("SLUICE_URL")?.split(whereSeparator: { $0 == "," || $0 == " " }) ?? []
        let urls = self.url.isEmpty ? listed.map(String.init) : self.url
        guard !urls.isEmpty else {
            throw ValidationError("Which gateway? Give --url https://host:port or set SLUICE_URL.")
        }
        let connection = try ClientOptions.checked {
            () throws(ClientError) in
            try GatewayConnection(
                urls: urls,
                token: self.token ?? ClientOptions.variable("SLUICE_TOKEN"),
                tokenFile: self.tokenFile,
                certificateAuthorityFile: self.ca ?? ClientOptions.variable("SLUICE_CA"),
                skipsVerification: self.insecure
            )
        }
        if self.insecure {
            ClientOptions.report("warning: the gateway's certificate is not verified (--insecure)")
        }
        if connection.exposesToken {
            ClientOptions.report("warning: the token crosses the network unencrypted; use https://")
        }
        return connection
    }

    /// The value of an environment variable; an empty one counts as unset.
    static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Runs `body`; its error is an error of usage.
    static func checked<Result>(_ body: () throws(ClientError) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// Writes one line to standard error.
    static func report(_ line: String) {
        _ = PassThrough.write(Array("sluice: \(line)\n".utf8)[...], to: .standardError)
    }
}
