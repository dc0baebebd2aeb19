import Foundation
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("The folder of a first configuration")
struct SetupFolderTests {
    private static func tree(_ path: String) -> [String: String] {
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return names.reduce(into: [:]) { tree, name in
            tree[name] = (try? String(contentsOfFile: path + "/" + name, encoding: .utf8)) ?? ""
        }
    }

    private static func permissions(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("Keys are for whoever made them alone, certificates for everybody")
    func permissions() throws {
        let folder = try ConfigurationFolder()
        var place = SetupFolder(folder.path + "/made")
        _ = try place.create(try SetupPlan(SetupOptions(), now: .now()))
        let found = try #require(FileManager.default.enumerator(atPath: place.path)?.compactMap { $0 as? String })
        let modes = try found.sorted().map { "\($0) \(String(try Self.permissions(place.place(of: $0)), radix: 8))" }
        #expect(
            modes == [
                "certs 755", "certs/ca.crt 644", "certs/gateway.crt 644", "certs/gateway.key 600", "config.yaml 640",
                "secrets 700", "secrets/ca.key 600", "secrets/ingest.key 600", "secrets/jwt.key 600",
            ]
        )
        #expect(try Self.permissions(place.path) == 0o750)
    }

    @Test("Of two that are made no secret is the same")
    func secrets() throws {
        let plans = try (0..<2).map { _ in try SetupPlan(SetupOptions(), now: .now()) }
        for (one, other) in zip(plans[0].files, plans[1].files) {
            #expect(one.path == other.path && one.text != other.text)
        }
    }

    @Test(
        "One file that is there keeps all others from being written",
        arguments: [
            "config.yaml", "certs/ca.crt", "certs/gateway.crt", "certs/gateway.key", "secrets/ca.key",
            "secrets/jwt.key", "secrets/ingest.key",
        ]
    )
    func nothingOverwritten(name: String) throws {
        let folder = try ConfigurationFolder()
        folder.write("mine", to: name)
        let before = Self.tree(folder.path)
        var place = SetupFolder(folder.path)
        #expect {
            try place.create(try SetupPlan(SetupOptions(), now: .now()))
        } throws: { error in
            (error as? SetupFailure)?.code == .exists && "\(error)".contains(name)
        }
        #expect(Self.tree(folder.path) == before)
    }

    @Test("A link that leads nowhere is not written through")
    func link() throws {
        let folder = try ConfigurationFolder()
        let target = folder.path + "/elsewhere"
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/config.yaml", withDestinationPath: target)
        var place = SetupFolder(folder.path)
        #expect {
            try place.create(try SetupPlan(SetupOptions(), now: .now()))
        } throws: { error in
            (error as? SetupFailure)?.code == .exists
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["config.yaml"])
    }

    @Test("A file where a folder has to be leaves nothing behind")
    func fileForFolder() throws {
        let folder = try ConfigurationFolder()
        folder.write("mine", to: "secrets")
        var place = SetupFolder(folder.path)
        #expect {
            try place.create(try SetupPlan(SetupOptions(), now: .now()))
        } throws: { error in
            (error as? SetupFailure)?.code == .unwritable
        }
        #expect(Self.tree(folder.path) == ["secrets": "mine"])
    }
}
