import Foundation
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("The configuration that is begun with")
struct SetupTextTests {
    /// Writes a plan into a folder of its own, changed before it is read again.
    private static func load(
        _ options: SetupOptions,
        _ change: (String) -> String = { $0 }
    ) throws -> LoadedConfiguration {
        let folder = try ConfigurationFolder()
        var place = SetupFolder(folder.path)
        _ = try place.create(try SetupPlan(options, now: .now()))
        let text = try String(contentsOfFile: folder.path + "/config.yaml", encoding: .utf8)
        folder.write(change(text), to: "config.yaml")
        return try folder.load([:], now: Int(WallTime.now().seconds))
    }

    /// With every default that stands in a comment set.
    private static func uncommented(_ text: String) -> String {
        text.replacing(/(?m)^( *)# ([a-z_]+: )/) { "\($0.output.1)\($0.output.2)" }
    }

    private static func commentCount(_ text: String) -> Int {
        text.split(separator: "\n").count { $0.contains("# ") }
    }

    @Test("What is set is what was asked for")
    func values() throws {
        var options = SetupOptions()
        options.listen = .init(host: "::1", port: 9443)
        options.admin = .init(host: "127.0.0.2", port: 0)
        options.storage = "some \"where\"\\here"
        options.origins = ["https://a.example", "https://b.example:8080"]
        options.ingestKey = "nightly: #1"
        let configuration = try Self.load(options).configuration
        #expect(configuration.listen.host == "::1" && configuration.listen.port == 9443)
        #expect(configuration.admin.host == "127.0.0.2" && configuration.admin.port == 0)
        #expect(configuration.storage.path?.hasSuffix("/some \"where\"\\here") == true)
        #expect(configuration.origins.map { "\($0)" } == options.origins)
        #expect(configuration.auth.ingestKeys.map { $0.name } == ["nightly: #1"])
        #expect(configuration.auth.keys.map { $0.id } == ["main"])
    }

    @Test("Whatever is behind a comment sign is the default, and can be set as it stands there")
    func comments() throws {
        var count = 0
        let set = try Self.load(SetupOptions()) { text in
            let changed = Self.uncommented(text)
            count = Self.commentCount(text) - Self.commentCount(changed)
            return changed
        }
        #expect(count == 17)
        var expected = GatewayConfiguration()
        var found = set.configuration
        // Examples, for which there is no default.
        #expect(found.origins.count == 1 && found.listen.trustedProxies.count == 1)
        found.origins = []
        found.listen.trustedProxies = []
        expected.tls = found.tls
        expected.auth.keys = found.auth.keys
        expected.auth.ingestKeys = found.auth.ingestKeys
        #expect(found == expected)
        #expect(set.warnings == [])
    }

    @Test(
        "A value that the gateway would refuse is refused, and nothing is left",
        arguments: [["https://a.example/path"], ["line\nbreak"]]
    )
    func refused(origins: [String]) throws {
        let folder = try ConfigurationFolder()
        var options = SetupOptions()
        options.origins = origins
        options.storage = "data"
        var place = SetupFolder(folder.path + "/new/one")
        #expect {
            try place.create(try SetupPlan(options, now: .now()))
        } throws: { error in
            (error as? SetupFailure)?.code == .unusable && "\(error)".contains("origins[0]")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/new"))
    }
}
