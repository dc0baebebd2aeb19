import ArgumentParser
import Foundation
import SluiceBase
import SluiceServer

/// The command `sluice init`.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a configuration with certificates and keys.",
        discussion: """
            Writes config.yaml, a certificate authority of your own and the gateway's certificate (certs/), the key that \
            signs tokens and an ingest key for scanners (secrets/), and prints the commands that come next, with a link \
            to the console that holds for a day.

            Nothing is overwritten: where one of the files is there already, none is written, and it exits with 73, as \
            it does where they cannot be written. Exits with 64 for options that make no configuration.

            Clients have to trust certs/ca.crt. Keep its key, secrets/ca.key, where only you can read it: "sluice \
            certificate" needs it to renew the gateway's certificate, the gateway never does.
            """
    )

    /// How long the console's link holds, in seconds.
    private static let linkLifetime: Int64 = 86_400

    @Argument(help: ArgumentHelp("The folder, made where it is not there.", valueName: "dir"))
    var folder = "."

    @Option(
        name: .customLong("name"),
        help: ArgumentHelp(
            "What clients call the gateway: a DNS name or an address. May be repeated. Default: this machine's name.",
            valueName: "host"
        )
    )
    var names: [String] = []

    @Option(name: .long, help: ArgumentHelp("Where clients connect.", valueName: "host:port"))
    var listen = "0.0.0.0:8443"

    @Option(name: .long, help: ArgumentHelp("Where metrics and health are, without TLS.", valueName: "host:port"))
    var admin = "127.0.0.1:9464"

    @Option(
        name: .long,
        help: ArgumentHelp("Keep history in this folder, beneath DIR unless it begins with a slash.", valueName: "dir")
    )
    var storage: String?

    @Option(
        name: .customLong("origin"),
        help: ArgumentHelp("Another origin whose pages may connect. May be repeated.", valueName: "origin")
    )
    var origins: [String] = []

    @Option(name: .long, help: ArgumentHelp("What the first ingest key is called.", valueName: "name"))
    var ingestKey = "scanner"

    @Option(name: .long, help: ArgumentHelp("How long the certificate holds, 825 at most.", valueName: "days"))
    var days = 397

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Let this group read what the gateway reads, where it runs as another user.",
            valueName: "group"
        )
    )
    var group: String?

    @Flag(name: .long, help: "Print nothing: no token ends up in a log.")
    var quiet = false

    func validate() throws {
        _ = try self.options()
    }

    func run() throws {
        let options = try self.options()
        var folder = SetupFolder(self.folder)
        let loaded: LoadedConfiguration
        let plan: SetupPlan
        do {
            plan = try SetupPlan(options, now: .now())
            loaded = try folder.create(plan)
        } catch let failure as SetupFailure {
            throw Self.exit(for: failure)
        }
        guard !self.quiet else {
            return
        }
        var claims = TokenMint.Claims(subject: "admin", secondsToLive: Self.linkLifetime)
        claims.roles = ["admin"]
        let token = try TokenMint.sign(claims, auth: loaded.configuration.auth)
        Console.line(NextSteps(url: options.url, folder: folder, token: token, files: plan.files).text)
    }

    /// The exit code of a failure, after printing its reason.
    static func exit(for failure: SetupFailure) -> ExitCode {
        Console.error("sluice: \(failure)")
        switch failure.code {
        case .exists, .unwritable:
            // EX_CANTCREAT of sysexits(3).
            return ExitCode(73)
        case .unusable:
            return ExitCode.validationFailure
        }
    }

    /// The names for a certificate.
    static func certificateNames(_ texts: [String]) throws -> [CertificateName] {
        try texts.map { text in
            guard let name = CertificateName(text) else {
                throw ValidationError("--name \(text): expected a DNS name or an address, without a port.")
            }
            return name
        }
    }

    static func check(days: Int) throws {
        guard (1...CertificateAuthority.maximumDays).contains(days) else {
            throw ValidationError("--days is a number from 1 to \(CertificateAuthority.maximumDays).")
        }
    }

    private func options() throws -> SetupOptions {
        var options = SetupOptions()
        options.names = try Self.certificateNames(self.names)
        let machine = try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
        options.machineName = machine.flatMap { CertificateName($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        guard let listen = SetupOptions.Endpoint(self.listen), listen.port > 0 else {
            throw ValidationError("--listen is an address and a port, such as 0.0.0.0:8443 or [::1]:8443.")
        }
        guard let admin = SetupOptions.Endpoint(self.admin) else {
            throw ValidationError("--admin is an address and a port, such as 127.0.0.1:9464.")
        }
        try Self.check(days: self.days)
        options.listen = listen
        options.admin = admin
        options.storage = self.storage
        options.origins = self.origins
        options.ingestKey = self.ingestKey
        options.days = self.days
        options.group = self.group
        return options
    }
}
