import NIOCore
import SluiceAssets
import TestSupport
import Testing

@testable import SluiceServer

@Suite("The console's files")
struct ConsoleAssetsTests {
    @Test("Each path has a file with content, a tag of its own and a media type")
    func everyFile() {
        let assets = ConsoleAssets.all.values
        #expect(ConsoleAssets.all.count == ConsoleAssets.joined(AssetFiles.all).count)
        #expect(Set(assets.map { $0.entityTag }).count == assets.count)
        for asset in assets {
            #expect(asset.body.readableBytes > 0)
            #expect(asset.mediaType.hasSuffix("; charset=utf-8") || !asset.mediaType.hasPrefix("text/"))
            #expect(asset.entityTag.utf8.count == 26)
            #expect(asset.headers(isPacked: false).contains { $0.name == "ETag" && $0.value == asset.entityTag })
        }
    }

    @Test(
        "A file is what the end of its name says",
        arguments: [
            ([], "text/html; charset=utf-8", "<!doctype html>"),
            (["client.js"], "text/javascript; charset=utf-8", "export class SluiceClient"),
            (["client.d.ts"], "application/typescript; charset=utf-8", "export class SluiceClient"),
        ] as [([String], String, String)]
    )
    func types(segments: [String], mediaType: String, text: String) throws {
        let asset = try #require(ConsoleAssets.asset(at: segments))
        #expect(asset.mediaType == mediaType)
        #expect(String(buffer: asset.body).contains(text))
        #expect(ConsoleAssets.mediaType(of: "a.exe") == nil && ConsoleAssets.mediaType(of: "") == nil)
    }

    @Test("The parts of a script are one file, in the order of their names, without what they import of each other")
    func parts() {
        let files = ConsoleAssets.joined([
            ("a/whole.js", Array("import './b.js';\n".utf8)),
            ("a/x.js/2.js", Array("import { one } from './1.js';\none();\n".utf8)),
            ("a/x.js/1.js", Array("export const one = () => 'import ';\n".utf8)),
        ])
        #expect(
            files.mapValues { String(decoding: $0, as: UTF8.self) } == [
                ["a", "whole.js"]: "import './b.js';\n",
                ["a", "x.js"]: "export const one = () => 'import ';\none();\n",
            ]
        )
    }

    @Test("Pages of other origins may load the client, and the console's files are for its own page")
    func policies() {
        let other = "Cross-Origin-Resource-Policy"
        for (segments, asset) in ConsoleAssets.all {
            let isOpen = !asset.headers(isPacked: false).contains { $0.name == other && $0.value == "same-origin" }
            #expect(isOpen == (segments.first?.hasPrefix("client.") == true), "\(segments)")
        }
    }

    @Test("The packed form is the same content, in fewer bytes, under a tag of its own")
    func packed() {
        for asset in ConsoleAssets.all.values where asset.isPackable {
            #expect(ReferenceZlib.gunzip(asset.packed) == Array(asset.body.readableBytesView))
            #expect(asset.packed.readableBytes < asset.body.readableBytes)
            #expect(asset.packedEntityTag != asset.entityTag)
            #expect(asset.headers(isPacked: true).contains { $0.name == "ETag" && $0.value == asset.packedEntityTag })
            #expect(asset.isFresh(ifNoneMatch: [asset.packedEntityTag]))
        }
    }

    @Test(
        "A path is looked up by its segments",
        arguments: [
            ([], true), (["client.js"], true), (["client", "client.js"], false), (["index.html"], false),
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
