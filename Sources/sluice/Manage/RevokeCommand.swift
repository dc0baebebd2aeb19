import ArgumentParser
import Foundation
import SluiceClient

/// `sluice revoke`: end tokens before their time.
struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revoke a token, or a user's tokens.",
        discussion: """
            For administrators (a token with the role admin). The tokens are refused from now on, and what they opened \
            ends (4401). It holds until they would have ended anyway, over restarts where there is storage. Exits with 1 \
            if the gateway refuses or cannot be reached.
            """
    )

    @Option(name: .long, help: ArgumentHelp("The jti of a token.", valueName: "id"))
    var jti: String?

    @Option(name: .long, help: ArgumentHelp("The sub of tokens.", valueName: "user"))
    var user: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            """
            The user's tokens that were issued before then: 2026-01-31T09:05:00Z, or seconds since 1970. Default: now, by \
            the gateway's clock.
            """,
            valueName: "time"
        )
    )
    var issuedBefore: String?

    @OptionGroup
    var client: ClientOptions

    func validate() throws {
        try Managing.requireOne(of: [self.jti, self.user], "Either --jti or --user.")
        guard self.jti == nil || self.issuedBefore == nil else {
            throw ValidationError("--issued-before goes with --user.")
        }
        _ = try self.instant()
    }

    func run() async throws {
        let revocation: TokenRevocation =
            if let jti = self.jti {
                .tokenID(jti)
            } else {
                .user(self.user ?? "", issuedBefore: try self.instant())
            }
        try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            try await api.revoke(revocation)
        }
        Managing.show(["revoked"])
    }

    /// The instant that was given; nil for now, which the gateway's clock says.
    private func instant() throws -> Double? {
        guard let text = self.issuedBefore else {
            return nil
        }
        if let seconds = Double(text), seconds.isFinite, seconds >= 0 {
            return seconds
        }
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw ValidationError("--issued-before is a time such as 2026-01-31T09:05:00Z, or seconds since 1970.")
        }
        return date.timeIntervalSince1970
    }
}
