import Foundation
import SluiceServer

/// The throw-away files of one demo: certificate, key, and token secret.
///
/// Gone when the demo ends.
struct DemoFolder {
    let url: URL

    var certificate: String { self.url.appendingPathComponent("gateway.crt").path }
    private var key: String { self.url.appendingPathComponent("gateway.key").path }
    private var secret: String { self.url.appendingPathComponent("jwt.key").path }

    /// Makes the folder, readable for this user alone, and fills it.
    init() throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-demo-\(UUID().uuidString)")
        let own: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true, attributes: own)
        let made = try DemoCertificate()
        try Self.write(made.certificatePEM, to: self.certificate)
        try Self.write(made.keyPEM, to: self.key)
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        try Self.write(secret.map { String(format: "%02x", $0) }.joined(), to: self.secret)
    }

    /// A configuration that uses the files.
    func configuration(port: Int) -> GatewayConfiguration {
        var configuration = GatewayConfiguration()
        configuration.listen.host = "127.0.0.1"
        configuration.listen.port = port
        configuration.admin.port = 0
        configuration.tls.certificate = self.certificate
        configuration.tls.privateKey = self.key
        configuration.auth.keys = [
            GatewayConfiguration.Auth.Key(id: "demo", secretFile: self.secret)
        ]
        return configuration
    }

    func remove() {
        try? FileManager.default.removeItem(at: self.url)
    }

    private static func write(_ text: String, to path: String) throws {
        let isWritten = FileManager.default.createFile(
            atPath: path,
            contents: Data(text.utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else {
            throw CocoaError(.fileWriteUnknown)
        }
    }
}
