import Foundation
import SluiceAdmission
import SluiceHTTP
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
        folder.write(PEMText.publicKey, to: "idp.pem")
        folder.write("{ \"keys\": [] }", to: "jwks.json")
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
        Self.fill(folder)
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
        #expect(
            loaded.warnings.map(\.message) == [
                "no key in \(path)/jwks.json can be used",
                "there is no folder \(path)/data: the start creates it, empty",
            ]
        )
    }

    /// Every file that the configuration names, each as its key wants it.
    private static func fill(_ folder: borrowing ConfigurationFolder) {
        folder.write(PEMText.certificate, to: "certs/gateway.crt")
        folder.write(PEMText.privateKey, to: "certs/gateway.key")
        folder.write(PEMText.otherCertificate + PEMText.certificate, to: "ca.pem")
        folder.write(PEMText.publicKey, to: "idp.pem")
        folder.write("{ \"keys\": [] }", to: "jwks.json")
        folder.write(String(repeating: "s", count: 32) + "\n", to: "secrets/jwt.key")
    }

    @Test(
        "A file that does not hold what its key wants is a fault of the key, in words",
        arguments: [
            (
                "certs/gateway.crt", "x\n",
                "2:3: tls.certificate: certs/gateway.crt holds no certificate in PEM form, "
                    + "which begins with -----BEGIN CERTIFICATE-----"
            ),
            (
                "certs/gateway.crt", PEMText.privateKey,
                "2:3: tls.certificate: certs/gateway.crt holds a private key: give the certificate here"
            ),
            (
                "certs/gateway.crt", String(PEMText.certificate.dropLast(80)),
                "2:3: tls.certificate: certs/gateway.crt holds a certificate that is damaged or cut off: "
                    + "copy it there again"
            ),
            (
                "certs/gateway.crt", PEMText.certificate + String(PEMText.otherCertificate.dropLast(80)),
                "2:3: tls.certificate: certs/gateway.crt holds a certificate that is damaged or cut off: "
                    + "copy it there again"
            ),
            (
                "certs/gateway.crt", PEMText.otherCertificate + PEMText.certificate,
                "2:3: tls.certificate: certs/gateway.crt begins with another certificate: put the server's own first"
            ),
            (
                "certs/gateway.key", PEMText.otherPrivateKey,
                "3:3: tls.private_key: certs/gateway.key does not belong to certs/gateway.crt: "
                    + "give the key of that certificate"
            ),
            (
                "certs/gateway.key", PEMText.certificate,
                "3:3: tls.private_key: certs/gateway.key holds a certificate: give its private key here"
            ),
            (
                "certs/gateway.key", PEMText.encryptedKey,
                "3:3: tls.private_key: certs/gateway.key is encrypted, and there is nobody to ask: "
                    + "decrypt it with openssl pkey"
            ),
            (
                "certs/gateway.key", String(PEMText.privateKey.dropLast(60)),
                "3:3: tls.private_key: certs/gateway.key holds a private key that is damaged or cut off: "
                    + "copy it there again"
            ),
            (
                "ca.pem", PEMText.publicKey,
                "4:3: tls.client_ca: ca.pem holds no certificate in PEM form, "
                    + "which begins with -----BEGIN CERTIFICATE-----"
            ),
            (
                "secrets/jwt.key", "short\n",
                "7:37: auth.keys[0].secret_file: secrets/jwt.key has 5 bytes; HS256 needs at least 32"
            ),
            (
                "idp.pem", PEMText.certificate,
                "8:36: auth.keys[1].public_key: idp.pem is not a PEM public key for ES256"
            ),
            (
                "idp.pem", PEMText.privateKey,
                "8:36: auth.keys[1].public_key: idp.pem is a private key; give the public one"
            ),
            (
                "jwks.json", "{}",
                "9:11: auth.jwks.file: jwks.json is not a JWK set: \"keys\" is no array"
            ),
            ("jwks.json", "{ \"keys\": [ }", "9:11: auth.jwks.file: jwks.json is not JSON: see byte 12"),
        ]
    )
    func content(name: String, text: String, fault: String) throws {
        let folder = try ConfigurationFolder()
        folder.write(Self.yaml, to: "config.yaml")
        Self.fill(folder)
        folder.write(text, to: name)
        #expect(folder.faults([:]) == ["config.yaml:" + fault])
    }

    @Test("A file's content is told with all other faults, those of its neighbours in a list included")
    func everyFault() throws {
        let folder = try ConfigurationFolder()
        Self.fill(folder)
        folder.write(PEMText.otherPrivateKey, to: "certs/gateway.key")
        folder.write(Self.yaml.replacing("id: idp, ", with: "") + "\nrelay: { framing: x }", to: "config.yaml")
        folder.write("short", to: "secrets/jwt.key")
        #expect(
            folder.faults(["SLUICE_AUTH__JWKS__FILE": "ca.pem"]).map { String($0.prefix { $0 != "," }) } == [
                "config.yaml:3:3: tls.private_key: certs/gateway.key does not belong to certs/gateway.crt: "
                    + "give the key of that certificate",
                "config.yaml:7:37: auth.keys[0].secret_file: secrets/jwt.key has 5 bytes; HS256 needs at least 32",
                "config.yaml:8:7: auth.keys[1]: needs id",
                "config.yaml:10:10: relay.framing: expected one of batch",
                "environment: SLUICE_AUTH__JWKS__FILE: ca.pem is not a JSON object",
            ]
        )
    }

    @Test("Secrets that everyone can read, and short ones, are warnings")
    func warnings() throws {
        let folder = try ConfigurationFolder()
        folder.write("auth: { keys: [{ id: a, algorithm: HS384, secret_file: /s }] }\ntls: {}", to: "config.yaml")
        folder.write(PEMText.certificate, to: "c")
        folder.write(PEMText.privateKey, to: "k", mode: 0o644)
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

    @Test("Entries of a key set that are of no use are warnings, each with its reason, and not too many")
    func keySetEntries() throws {
        let folder = try ConfigurationFolder()
        folder.write("auth: { jwks: { file: jwks.json } }", to: "config.yaml")
        let entries = ["{\"kid\":\"enc\",\"use\":\"enc\"}"] + [String](repeating: "{}", count: 30)
        folder.write("{\"keys\":[\(entries.joined(separator: ","))]}", to: "jwks.json")
        let warnings = try folder.load(["SLUICE_LISTEN__PLAINTEXT": "true"]).warnings
            .map { $0.message.replacingOccurrences(of: folder.path + "/", with: "") }
            .filter { $0.hasPrefix("jwks.json") }
        #expect(warnings.count == 21)
        #expect(warnings.contains("jwks.json: entry 0 (kid enc) has a use that is not sig, and is passed over"))
        #expect(
            warnings.contains(
                "jwks.json: entry 1 has a kty that is not known: not RSA, EC or OKP, and is passed over"
            )
        )
        #expect(warnings.contains("jwks.json: 11 more entries are passed over"))
    }

    @Test(
        "A certificate that is over, ends soon or has not begun is a warning",
        arguments: [
            (4_949_027_736, "ends in less than a day, on 2126-10-30: it should have been renewed by now"),
            (4_949_027_737, "ended on 2126-10-30: clients refuse it"),
            (4_949_027_737 - 3 * 86_400, "ends in 3 days, on 2126-10-30: it should have been renewed by now"),
            (4_949_027_737 - 21 * 86_400, nil),
            (1_795_427_737, nil),
            (1_795_427_736, "does not begin before 2026-11-23: clients refuse it until then"),
        ]
    )
    func dates(now: Int, warning: String?) throws {
        let folder = try ConfigurationFolder()
        folder.write("tls:\n  certificate: c\n  private_key: k", to: "config.yaml")
        folder.write(PEMText.certificate, to: "c")
        folder.write(PEMText.privateKey, to: "k")
        let key = ["SLUICE_AUTH__INGEST_KEYS": ConfigurationFolder.enough["SLUICE_AUTH__INGEST_KEYS"]!]
        let warnings = try folder.load(key, now: now).warnings
        let expected = warning.map { ["config.yaml:2:3: tls.certificate: \(folder.path)/c \($0)"] } ?? []
        #expect(warnings.map { $0.description.replacing(folder.path + "/config", with: "config") } == expected)
    }

    @Test("A certificate further up the chain counts as well")
    func chainDates() throws {
        let folder = try ConfigurationFolder()
        folder.write("tls: { certificate: c, private_key: k }", to: "config.yaml")
        folder.write(PEMText.certificate + PEMText.certificate, to: "c")
        folder.write(PEMText.privateKey, to: "k")
        let key = ["SLUICE_AUTH__INGEST_KEYS": ConfigurationFolder.enough["SLUICE_AUTH__INGEST_KEYS"]!]
        let warnings = try folder.load(key, now: 4_949_027_737).warnings
        #expect(warnings.count == 2)
        #expect(warnings.last?.message.hasPrefix("certificate 2 of ") == true)
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

    @Test("A store's folder that is not there is told, and made by nobody who only looks")
    func missingStorage() throws {
        let folder = try ConfigurationFolder()
        folder.write("storage: { path: data }", to: "config.yaml")
        let warnings = try folder.load().warnings
        #expect(warnings.map(\.keyPath) == ["storage.path"])
        #expect(warnings.first?.message.hasSuffix("/data: the start creates it, empty") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/data"))
        folder.write("x", to: "data/x")
        #expect(try folder.load().warnings == [])
        folder.write("storage: { path: elsewhere, durability: none }", to: "config.yaml")
        #expect(try folder.load().warnings == [])
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
