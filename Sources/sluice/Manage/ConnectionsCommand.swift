import ArgumentParser
import SluiceClient

/// `sluice connections`: who is connected.
struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "List a gateway's connections, look at one, end some.",
        discussion: """
            For administrators (a token with the role admin). Without a subcommand it lists sockets, event streams and \
            scanners. Exits with 1 if the gateway refuses or cannot be reached, and with 64 for a wrong command line.
            """,
        subcommands: [ListConnectionsCommand.self, ShowConnectionCommand.self, DisconnectCommand.self],
        defaultSubcommand: ListConnectionsCommand.self
    )
}

/// `sluice connections list`: all of them.
struct ListConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List connections.",
        discussion: "Exits with 1 if the gateway refuses or cannot be reached."
    )

    @OptionGroup
    var client: ClientOptions

    @Flag(name: .long, help: "Print each connection as the gateway tells it, as JSON, one a line.")
    var json = false

    func run() async throws {
        let (listed, total) = try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            try await api.connections()
        }
        if self.json {
            Managing.show(json: listed.map { $0.json })
        } else {
            Managing.show(ManagedText.table(ofConnections: listed.map { $0.node }).lines)
        }
        if total > listed.count {
            ClientOptions.report("\(total - listed.count) more are not listed")
        }
    }
}

/// `sluice connections show`: why somebody does not get what they wait for.
struct ShowConnectionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one connection, with its place in each scan.",
        discussion: "Exits with 1 if there is no such connection, or the gateway refuses or cannot be reached."
    )

    @Argument(
        help: ArgumentHelp("The connection's number, as the list and the gateway's log have it.", valueName: "id")
    )
    var id: Int

    @OptionGroup
    var client: ClientOptions

    @Flag(name: .long, help: "Print what the gateway answers, as JSON.")
    var json = false

    func run() async throws {
        let object = try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            try await api.connection(self.id)
        }
        if self.json {
            Managing.show(json: [object.json])
        } else {
            Managing.show(ManagedText.lines(ofConnection: object.node))
        }
    }
}

/// `sluice connections disconnect`: end what somebody has open.
struct DisconnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disconnect",
        abstract: "End all connections of a user or of an ingest key.",
        discussion: """
            They are told not to come back (4403), and may: to take the right from a user, see "sluice revoke". Exits \
            with 1 if the gateway refuses or cannot be reached.
            """
    )

    @Option(name: .long, help: ArgumentHelp("Whose: the sub of a token.", valueName: "user"))
    var user: String?

    @Option(name: .long, help: ArgumentHelp("By which ingest key.", valueName: "name"))
    var ingestKey: String?

    @OptionGroup
    var client: ClientOptions

    func validate() throws {
        try Managing.requireOne(of: [self.user, self.ingestKey], "Either --user or --ingest-key.")
    }

    func run() async throws {
        let closed = try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            if let user = self.user {
                try await api.disconnect(user: user)
            } else {
                try await api.disconnect(ingestKey: self.ingestKey ?? "")
            }
        }
        Managing.show(["\(closed) closed"])
    }
}
