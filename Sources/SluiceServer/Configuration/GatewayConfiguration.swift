internal import NIOCore
package import SluiceAdmission
package import SluiceRelay

/// All that an operator may tell the gateway: the file `config.yaml`, or the same set in code.
///
/// The defaults are the product's, and stand here and nowhere else. A value made in code is not checked;
/// ``load(path:environment:)`` reads, checks and resolves a file.
package struct GatewayConfiguration: Sendable, Equatable {
    /// The public listener.
    package var listen = Listen()
    /// The certificate that the public listener shows.
    package var tls = TLS()
    /// The plaintext listener for metrics and health.
    package var admin = Admin()
    /// Origins, besides the gateway's own, whose pages may connect, as browsers write them: `https://a.example`.
    package var origins: [WebOrigin] = []
    /// Whose tokens and keys are believed.
    package var auth = Auth()
    /// How messages become frames, and how long scans stay.
    ///
    /// Holds `clients.adaptive`, `limits.scans` and `limits.idempotency_keys` too.
    package var relay = RelayConfiguration()
    /// What the gateway expects of subscribers, and keeps for each.
    package var clients = Clients()
    /// When frames and answers are compressed.
    package var compression = Compression()
    /// What bad or too much input gets.
    package var limits = Limits()
    /// Where history is kept besides memory.
    package var storage = Storage()
    /// What is logged, and how.
    package var log = Log()
    /// How the gateway ends.
    package var shutdown = Shutdown()

    package init() {}
}

extension GatewayConfiguration {
    /// The relay's part, with frames that fit into what may wait for one client.
    ///
    /// A socket that has no room for a frame reads pages of history instead, and those are outside its rate.
    var relayInForce: RelayConfiguration {
        var relay = self.relay
        relay.maximumFrameBytes = min(relay.maximumFrameBytes, max(1, self.clients.maxBuffered / 2))
        return relay
    }

    /// The whole seconds of a duration as operators write it, such as `90s` or `1h`; nil if it is none.
    package static func wholeSeconds(_ text: String) -> Int64? {
        (try? ConfigurationUnits.duration(text)).map { $0.nanoseconds / 1_000_000_000 }
    }
}
