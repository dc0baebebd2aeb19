import Foundation
import Testing

@testable import SluiceServer

@Suite("Files that a configuration names")
struct ConfigurationFilesTests {
    private static let yaml = """
        tls:
          certificate: certs/gateway.crt
          private_key: certs/gateway.key
          client_ca: ca.pem
        auth:
          keys:
            - { id: main, algorithm: HS256, secret_file: secrets/jwt.key }
            - { id: idp, algorithm: ES256, public_key: idp.pem }
          jwks: { file: jwks.json }
        """

    @Test("A missing file is a fault of its key, with the path that was looked at")
    func missing() throws {
        let folder = try ConfigurationFolder()
        folder.write(Self.yaml, to: "config.yaml")
        #expect(
            folder.faults([:]) == [
                "config.yaml:2:3: tls.certificate: no such file: certs/gateway.crt",
                "config.yaml:3:3: tls.private_key: no such file: certs/gateway.key",
                "config.yaml:4:3: tls.client_ca: no such file: ca.pem",
                "config.yaml:7:37: auth.keys[0].secret_file: no such file: secrets/jwt.key",
                "config.yaml:8:36: auth.keys[1].public_key: no such file: idp.pem",
                "config.yaml:9:11: auth.jwks.file: no such file: jwks.json",
            ]
        )
    }

    @Test("An empty file, a folder and a file beyond all measure are faults too")
    func unusable() throws {
        let folder = try ConfigurationFolder()
        folder.write(Self.yaml, to: "config.yaml")
        folder.write("", to: "certs/gateway.crt")
        folder.write("x", to: "certs/gateway.key/x")
        folder.write(String(repeating: "x", count: (1 << 20) + 1), to: "ca.pem")
        folder.write("\n", to: "secrets/jwt.key")
        folder.write("x", to: "idp.pem")
        folder.write("x", to: "jwks.json")
        #expect(
            folder.faults([:]) == [
                "config.yaml:2:3: tls.certificate: empty file: certs/gateway.crt",
                "config.yaml:3:3: tls.private_key: not a file: certs/gateway.key",
                "config.yaml:4:3: tls.client_ca: larger than 1MiB: ca.pem",
                "config.yaml:7:37: auth.keys[0].secret_file: empty file: secrets/jwt.key",
            ]
        )
    }

    @Test("Paths come out absolute, from the file's folder, and the environment's too")
    func resolved() throws {
        let folder = try ConfigurationFolder()
        folder.write(Self.yaml, to: "config.yaml")
        for name in ["certs/gateway.crt", "certs/gateway.key", "ca.pem", "idp.pem", "jwks.json"] {
            folder.write("x", to: name)
        }
        folder.write(String(repeating: "s", count: 32) + "\n", to: "secrets/jwt.key")
        let loaded = try folder.load(["SLUICE_STORAGE__PATH": "data"])
        let configuration = loaded.configuration
        let path = folder.path
        #expect(configuration.tls.certificate == path + "/certs/gateway.crt")
        #expect(configuration.tls.clientCA == path + "/ca.pem")
        #expect(configuration.auth.jwks.file == path + "/jwks.json")
        #expect(configuration.storage.path == path + "/data")
        #expect(
            configuration.auth.keys == [
                .init(id: "main", algorithm: .hs256, material: .secretFile(path + "/secrets/jwt.key")),
                .init(id: "idp", algorithm: .es256, material: .publicKey(path + "/idp.pem")),
            ]
        )
        #expect(loaded.warnings == [])
    }

    @Test("Secrets that everyone can read, and short ones, are warnings")
    func warnings() throws {
        let folder = try ConfigurationFolder()
        folder.write("auth: { keys: [{ id: a, algorithm: HS384, secret_file: /s }] }\ntls: {}", to: "config.yaml")
        folder.write("x", to: "c")
        folder.write("k", to: "k", mode: 0o644)
        folder.write(String(repeating: "s", count: 47) + "\n", to: "s", mode: 0o644)
        let warnings = try folder.load([
            "SLUICE_TLS__CERTIFICATE": "c", "SLUICE_TLS__PRIVATE_KEY": "k",
            "SLUICE_AUTH__KEYS": "[{ id: a, algorithm: HS384, secret_file: s }]",
        ]).warnings
        #expect(
            warnings.map { $0.description.replacingOccurrences(of: folder.path + "/", with: "") } == [
                "environment: SLUICE_AUTH__KEYS: [0].secret_file: every user of this machine can read s",
                "environment: SLUICE_AUTH__KEYS: [0].secret_file: the secret is short: HS384 wants 48 bytes or more",
                "environment: SLUICE_TLS__PRIVATE_KEY: every user of this machine can read k",
            ]
        )
    }

    @Test("Files that plaintext does not need are not looked for")
    func plaintext() throws {
        let folder = try ConfigurationFolder()
        folder.write("tls: { certificate: missing, private_key: missing }", to: "config.yaml")
        #expect(folder.faults() == [])
    }

    @Test("A store in a file's place is a fault")
    func storage() throws {
        let folder = try ConfigurationFolder()
        folder.write("storage: { path: config.yaml }", to: "config.yaml")
        #expect(folder.faults() == ["config.yaml:1:12: storage.path: expected a folder, found the file config.yaml"])
    }

    @Test("A configuration that is missing, a folder, too large or no UTF-8 is a fault")
    func configurationFile() throws {
        let folder = try ConfigurationFolder()
        #expect(folder.faults() == ["config.yaml: no such file"])
        folder.write(String(repeating: "#", count: (1 << 20) + 1), to: "config.yaml")
        #expect(folder.faults() == ["config.yaml: larger than 1MiB"])
        try Data([0x61, 0xFF]).write(to: URL(fileURLWithPath: folder.path + "/config.yaml"))
        #expect(folder.faults() == ["config.yaml: not UTF-8"])
        try FileManager.default.removeItem(atPath: folder.path + "/config.yaml")
        folder.write("x", to: "config.yaml/x")
        #expect(folder.faults(["SLUICE_X": "1"]) == ["config.yaml: not a file", "environment: SLUICE_X: unknown"])
    }

    @Test("A pipe without a writer does not hold up the start")
    func pipe() throws {
        let folder = try ConfigurationFolder()
        #expect(unsafe mkfifo(folder.path + "/config.yaml", 0o600) == 0)
        #expect(folder.faults() == ["config.yaml: not a file"])
    }
}
