import Foundation
import SluiceBase
import SluiceServer

/// The throw-away configuration of one demo, as `sluice init` makes one.
///
/// Gone when the demo ends.
struct DemoFolder {
    private let url: URL
    private let folder: SetupFolder

    /// The certificate that its clients must trust.
    var authority: String { self.folder.place(of: "certs/ca.crt") }
    /// The ingest key that its scanner posts with.
    var ingestKey: String { self.folder.place(of: "secrets/ingest.key") }

    /// Makes the folder, readable for this user alone, and fills it.
    init() throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-demo-\(UUID().uuidString)")
        let own: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true, attributes: own)
        var options = SetupOptions()
        options.listen.host = "127.0.0.1"
        options.days = 1
        var folder = SetupFolder(self.url.path)
        _ = try folder.create(try SetupPlan(options, now: .now()))
        self.folder = folder
    }

    /// The configuration, at a port, in front of an application if there is one.
    func configuration(port: Int, application: DemoApplication?) throws -> GatewayConfiguration {
        let own = ["SLUICE_LISTEN__PORT": "\(port)", "SLUICE_ADMIN__PORT": "0"]
        return
            try GatewayConfiguration.load(
                path: self.folder.place(of: "config.yaml"),
                environment: own.merging(application?.environment ?? [:]) { $1 }
            )
            .configuration
    }

    /// Writes a file of the program's into it.
    ///
    /// - Returns: Its path.
    func write(_ content: [UInt8], as name: String) throws -> String {
        let file = self.url.appendingPathComponent(name)
        try Data(content).write(to: file)
        return file.path
    }

    func remove() {
        try? FileManager.default.removeItem(at: self.url)
    }
}
