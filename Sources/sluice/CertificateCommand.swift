import ArgumentParser
import SluiceBase
import SluiceServer

/// The command `sluice certificate`.
struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Renew the gateway's certificate by the authority that sluice init made.",
        discussion: """
            Issues a certificate for the key that the gateway has, in certs/gateway.key, and puts it in the place of the \
            old one, certs/gateway.crt. A running gateway takes it up by itself; clients notice nothing. Exits with 73 \
            if a file cannot be read or written; then the old certificate stays.
            """
    )

    @Argument(help: ArgumentHelp("The folder that sluice init filled.", valueName: "dir"))
    var folder = "."

    @Option(
        name: .customLong("name"),
        help: ArgumentHelp(
            "What clients call the gateway; the loopback's names come besides. May be repeated. Default: the names of the old one.",
            valueName: "host"
        )
    )
    var names: [String] = []

    @Option(name: .long, help: ArgumentHelp("How long it holds, 825 at most.", valueName: "days"))
    var days = 397

    @Option(
        name: .long,
        help: ArgumentHelp("Where the authority's key is, if not in secrets/ca.key.", valueName: "file")
    )
    var caKey: String?

    func validate() throws {
        _ = try InitCommand.certificateNames(self.names)
        try InitCommand.check(days: self.days)
    }

    func run() throws {
        let names = try InitCommand.certificateNames(self.names)
        let renewal = CertificateRenewal(folder: self.folder, authorityKey: self.caKey)
        do throws(SetupFailure) {
            let renewed = try renewal.renew(for: names, now: .now(), days: self.days)
            let list = renewed.names.map { $0.description }.joined(separator: ", ")
            Console.line("\(renewed.path): for \(list), for \(self.days) days")
        } catch {
            throw InitCommand.exit(for: error)
        }
    }
}
