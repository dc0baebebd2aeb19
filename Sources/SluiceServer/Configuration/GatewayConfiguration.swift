internal import Foundation
internal import NIOCore
package import SluiceAdmission
package import SluiceRelay

/// All that an operator may tell the gateway: the file `config.yaml`, or the same set in code.
///
/// The defaults are the product's, and are here and nowhere else. A value made in code is not checked;
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
    /// The page that follows scans.
    package var console = Console()
    /// Requests that are passed on to other servers.
    package var proxy = Proxy()
    /// Whose tokens and keys are believed.
    package var auth = Auth()
    /// How messages become frames, and how long scans stay.
    ///
    /// Holds `clients.adaptive`, `limits.scans` and `limits.idempotency_keys` too.
    package var relay = RelayConfiguration()
    /// The gateway's demands on subscribers, and the memory for each.
    package var clients = Clients()
    /// When frames and answers are compressed.
    package var compression = Compression()
    /// The limits of bad or excessive input.
    package var limits = Limits()
    /// Where history is kept besides memory.
    package var storage = Storage()
    /// The receivers of news about scans.
    package var hooks: [Hook] = []
    /// The log that several gateways share.
    package var engine = Engine()
    /// What the gateway is called among them.
    package var node = Node()
    /// The level and the form of the log.
    package var log = Log()
    /// How the gateway ends.
    package var shutdown = Shutdown()

    package init() {}
}

extension GatewayConfiguration {
    /// The relay's part, with frames that fit into the bytes that may wait for one client.
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

extension GatewayConfiguration {
    /// The largest file that is read.
    private static let maximumFileBytes = 1 << 20

    /// Reads a file, lets the environment override it, and checks the whole.
    ///
    /// Each key may be overridden by a variable: `relay.batch_interval` by `SLUICE_RELAY__BATCH_INTERVAL`. Relative
    /// paths, those of variables too, start from the file's folder, and come out absolute.
    ///
    /// - Parameters:
    ///   - path: The YAML file. Faults name it as it is given here.
    ///   - environment: The variables; names that do not begin with `SLUICE_` mean nothing.
    ///   - machine: The machine that it will run on.
    /// - Returns: The configuration with its warnings.
    /// - Throws: All faults at once.
    package static func load(
        path: String,
        environment: [String: String],
        machine: MachineFacts = .measured()
    ) throws(ConfigurationFaults) -> LoadedConfiguration {
        var reader = ConfigurationReader(reading: ConfigurationReading(file: path, folder: Self.folder(of: path)))
        let wasRead = Self.read(path, &reader)
        reader.read(environment: environment)
        reader.resolveDefaults()
        if wasRead {
            ConfigurationChecks(configuration: reader.configuration).check(&reader.reading)
        }
        ConfigurationFiles(configuration: reader.configuration, now: machine.now).check(&reader.reading)
        machine.check(reader.configuration, &reader.reading)
        let faults = reader.reading.faults.sorted(by: ConfigurationFault.precedes)
        guard faults.isEmpty else {
            throw ConfigurationFaults(faults: faults)
        }
        let warnings = reader.reading.warnings.sorted(by: ConfigurationFault.precedes)
        return LoadedConfiguration(configuration: reader.configuration, warnings: warnings)
    }

    /// False if the file says nothing that could be checked further, which is then a fault.
    private static func read(_ path: String, _ reader: inout ConfigurationReader) -> Bool {
        do throws(ConfigurationProblem) {
            let content = try FileContent(path: path, limit: Self.maximumFileBytes)
            guard let text = String(validating: content.bytes, as: UTF8.self) else {
                throw ConfigurationProblem("not UTF-8")
            }
            var document = ConfigurationDocument()
            if let root = document.read(text, into: &reader.reading) {
                reader.read(root)
            }
            return !reader.reading.hasFault(of: "")
        } catch {
            reader.reading.fault(error.message, "", at: .file)
            return false
        }
    }

    private static func folder(of path: String) -> String {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        if path.hasPrefix("/") {
            return folder
        }
        let current = FileManager.default.currentDirectoryPath
        return folder == "." ? current : current + "/" + folder
    }
}

/// A usable configuration, and warnings for its operator.
package struct LoadedConfiguration: Sendable, Equatable {
    /// The checked configuration; every path in it is absolute.
    package var configuration: GatewayConfiguration
    /// Values that are possible but unwise, in the order of the file.
    package var warnings: [ConfigurationFault]
}
