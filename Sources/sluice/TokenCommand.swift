import ArgumentParser
import SluiceServer

/// The command `sluice token`.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make a token with one of the gateway's HS keys."
    )

    @OptionGroup
    var file: ConfigurationOption

    @Option(name: .long, help: ArgumentHelp("Whose it is.", valueName: "user"))
    var sub: String

    @Option(
        name: .long,
        help: ArgumentHelp("Scans that it speaks of: ids or globs, separated by commas. May be repeated.")
    )
    var scans: [String] = []

    @Option(name: .long, help: ArgumentHelp("A role; admin may do everything. May be repeated.", valueName: "role"))
    var role: [String] = []

    @Option(name: .long, help: ArgumentHelp("Scopes, separated by spaces; ingest is needed to post."))
    var scope: String?

    @Option(name: .long, help: ArgumentHelp("How long it holds: 90s, 15m, 1h, 7d.", valueName: "duration"))
    var ttl = "1h"

    @Option(name: .long, help: ArgumentHelp("The id of the key to sign with. Default: the first HS key."))
    var key: String?

    func validate() throws {
        if self.sub.isEmpty {
            throw ValidationError("--sub is empty.")
        }
        _ = try self.secondsToLive()
    }

    func run() throws {
        let loaded = try self.file.load()
        var claims = TokenMint.Claims(subject: self.sub, secondsToLive: try self.secondsToLive())
        claims.scans = self.scans.flatMap { $0.split(separator: ",").map(String.init) }
        claims.roles = self.role
        claims.scope = self.scope
        do {
            Console.line(try TokenMint.sign(claims, auth: loaded.configuration.auth, keyID: self.key))
        } catch {
            Console.error("sluice: \(error)")
            throw ConfigurationOption.faultExit
        }
    }

    private func secondsToLive() throws -> Int64 {
        guard let seconds = GatewayConfiguration.wholeSeconds(self.ttl), seconds > 0 else {
            throw ValidationError("--ttl is a duration such as 90s, 15m, 1h or 7d.")
        }
        return seconds
    }
}

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
