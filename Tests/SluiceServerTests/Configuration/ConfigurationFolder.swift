import Foundation

@testable import SluiceServer

/// A folder of its own for one test, with a configuration file in it.
struct ConfigurationFolder: ~Copyable {
    /// The least that a configuration needs, for tests of everything else.
    static let enough = [
        "SLUICE_LISTEN__HOST": "127.0.0.1",
        "SLUICE_LISTEN__PLAINTEXT": "true",
        "SLUICE_AUTH__INGEST_KEYS": "[{ name: any, sha256: \(String(repeating: "ab", count: 32)) }]",
    ]

    /// When it is, for all tests: within the time of their certificate.
    static let now = 1_800_000_000

    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.path + "/sluice-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    func write(_ text: String, to name: String, mode: Int = 0o600) {
        let file = self.path + "/" + name
        let folder = String(file[..<file.lastIndex(of: "/")!])
        try! FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(
            atPath: file,
            contents: Data(text.utf8),
            attributes: [.posixPermissions: mode]
        )
    }

    func load(
        _ environment: [String: String] = enough,
        now: Int = Self.now
    ) throws(ConfigurationFaults) -> LoadedConfiguration {
        try GatewayConfiguration.load(
            path: self.path + "/config.yaml",
            environment: environment,
            machine: MachineFacts(openFileLimit: .max, now: now)
        )
    }

    /// The faults as they are printed, one each, without the folder.
    func faults(_ environment: [String: String] = enough) -> [String] {
        do throws(ConfigurationFaults) {
            _ = try self.load(environment)
            return []
        } catch {
            return error.faults.map { $0.description.replacingOccurrences(of: self.path + "/", with: "") }
        }
    }

    /// The faults of a file with this text.
    static func faults(of yaml: String, environment: [String: String] = enough) throws -> [String] {
        let folder = try ConfigurationFolder()
        folder.write(yaml, to: "config.yaml")
        return folder.faults(environment)
    }

    /// The configuration that a file with this text makes.
    static func load(_ yaml: String, environment: [String: String] = enough) throws -> LoadedConfiguration {
        let folder = try ConfigurationFolder()
        folder.write(yaml, to: "config.yaml")
        return try folder.load(environment)
    }
}
