import NIOCore
import Testing

@testable import SluiceServer

@Suite("The console's files")
struct ConsoleAssetsTests {
    @Test("Each path has a file with content, a tag of its own and a media type with its character set")
    func everyFile() {
        let assets = ConsoleAssets.all.values
        #expect(Set(ConsoleAssets.all.keys) == ["/", "/client.js", "/console.css", "/console.js", "/console-model.js"])
        #expect(Set(assets.map { $0.entityTag }).count == assets.count)
        for asset in assets {
            #expect(asset.body.readableBytes > 1_000)
            #expect(asset.mediaType.hasSuffix("; charset=utf-8"))
            #expect(asset.entityTag.utf8.count == 26)
            #expect(asset.headers(isPacked: false).contains { $0.name == "ETag" && $0.value == asset.entityTag })
        }
    }

    @Test("The packed form is the same content, in a fraction of the bytes, under a tag of its own")
    func packed() {
        for asset in ConsoleAssets.all.values {
            #expect(ReferenceZlib.gunzip(asset.packed) == Array(asset.body.readableBytesView))
            #expect(asset.packed.readableBytes < asset.body.readableBytes / 2)
            #expect(asset.packedEntityTag != asset.entityTag)
            #expect(asset.headers(isPacked: true).contains { $0.name == "ETag" && $0.value == asset.packedEntityTag })
            #expect(asset.isFresh(ifNoneMatch: [asset.packedEntityTag]))
        }
    }

    @Test(
        "A path is looked up by its segments",
        arguments: [
            ([], true), (["client.js"], true), (["console.css"], true),
            (["client.js", ""], false), (["", ""], false), (["Client.js"], false), (["/"], false),
        ] as [([String], Bool)]
    )
    func lookUp(segments: [String], isThere: Bool) {
        #expect((ConsoleAssets.asset(at: segments) != nil) == isThere)
    }

    @Test("The page's policy lets nothing in that is not the gateway's own")
    func policy() throws {
        let page = try #require(ConsoleAssets.asset(at: []))
        let fields = Dictionary(page.headers(isPacked: false).map { ($0.name, $0.value) }) { first, _ in first }
        let policy = try #require(fields["Content-Security-Policy"])
        #expect(policy.hasPrefix("default-src 'none'; "))
        #expect(!policy.contains("unsafe"))
        #expect(fields["Referrer-Policy"] == "no-referrer")
        #expect(fields["X-Frame-Options"] == "DENY")
    }

    @Test("A tag is fresh alone, in a list, weakened or as a star, and not in pieces")
    func freshness() throws {
        let asset = try #require(ConsoleAssets.asset(at: ["client.js"]))
        let tag = asset.entityTag
        for values in [[tag], ["W/\(tag)"], ["\"a\", \(tag) , \"b\""], ["\"a\"", tag], ["*"]] {
            #expect(asset.isFresh(ifNoneMatch: values), "\(values)")
        }
        for values in [[], [""], ["\"\""], [String(tag.dropFirst())], ["w/\(tag)"], ["\"a\"; \(tag)x"]] as [[String]] {
            #expect(!asset.isFresh(ifNoneMatch: values), "\(values)")
        }
    }
}
