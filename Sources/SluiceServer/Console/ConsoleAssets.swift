internal import NIOCore
internal import NIOHTTP1
internal import SluiceAssets
internal import SluiceHTTP

/// The files that the gateway serves by itself, by their path: the console's, and the client's.
///
/// They are part of the binary: there is nothing to install or to lose. The caller decides which clients may fetch
/// them; they hold no secret, and a token is entered only after they are loaded.
package enum ConsoleAssets {
    /// The console page's permissions: run and load the gateway's own files, talk to the gateway, and nothing else.
    ///
    /// Script and style inside the page do not run, so that no message can become either.
    package static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        + "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// Every path, as its segments, with its file.
    ///
    /// Made at the first use, which is the gateway's start.
    package static let all: [[String]: ConsoleAsset] = {
        let files = Self.joined(AssetFiles.all)
        return Dictionary(uniqueKeysWithValues: files.map { (Self.segments($0), Self.asset($0, $1)) })
    }()

    /// The file at a path.
    ///
    /// - Parameter segments: The path's segments, decoded; none for `/`.
    /// - Returns: nil if there is no such file.
    package static func asset(at segments: [String]) -> ConsoleAsset? {
        self.all[segments]
    }

    /// The files by their path's parts, with those of a folder that is named like a script as one script.
    ///
    /// So a module can be fetched and copied as one file, and be read in parts. The parts are in the order of their
    /// names; a line that begins with `import` is left out, because the imported part is then in the same file.
    static func joined(_ files: [(path: String, content: [UInt8])]) -> [[String]: [UInt8]] {
        var contents: [[String]: [UInt8]] = [:]
        for (path, content) in files.sorted(by: { $0.path < $1.path }) {
            let parts = path.split(separator: "/").map(String.init)
            guard let folder = parts.dropLast().last, folder.hasSuffix(".js") else {
                contents[parts] = content
                continue
            }
            let lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let kept = lines.filter { !$0.starts(with: Array("import ".utf8)) }
            contents[parts.dropLast(), default: []] += kept.joined(separator: [UInt8(ascii: "\n")])
        }
        return contents
    }

    /// Where a file is served: below `/`, whichever folder it is from; the page itself is `/`.
    private static func segments(_ parts: [String]) -> [String] {
        parts == ["console", "index.html"] ? [] : Array(parts.dropFirst())
    }

    /// The page for another address than `/`, with its files below that.
    ///
    /// What it names is relative to it, so that a proxy may put the whole gateway below a path.
    ///
    /// - Parameter segments: The address's segments, one at least.
    /// - Returns: The page.
    static func page(at segments: [String]) -> ConsoleAsset {
        let parts = ["console", "index.html"]
        var text = String(decoding: Self.joined(AssetFiles.all)[parts] ?? [], as: UTF8.self)
        let root = String(repeating: "../", count: segments.count - 1)
        text.replace("\"console/", with: "\"\(segments.last ?? "")/console/")
        text.replace("content=\".\"", with: "content=\"\(root)./\"")
        return Self.asset(parts, Array(text.utf8))
    }

    private static func asset(_ parts: [String], _ content: [UInt8]) -> ConsoleAsset {
        let name = parts.last ?? ""
        guard let mediaType = Self.mediaType(of: name) else {
            preconditionFailure("\(name): no media type is known for such a name")
        }
        // Pages of other origins may import the client, so its files are the ones without a policy about that.
        let own = parts.first == "client" ? [] : Self.filePolicy
        return ConsoleAsset(
            ByteBuffer(bytes: content),
            mediaType: mediaType,
            policy: name.hasSuffix(".html") ? Self.pagePolicy + own : own
        )
    }

    /// The media type of a file, by its extension.
    ///
    /// - Parameter name: The file's name.
    /// - Returns: nil if no type is known; then it cannot be served.
    package static func mediaType(of name: String) -> String? {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js", "mjs": "text/javascript; charset=utf-8"
        case "ts": "application/typescript; charset=utf-8"
        case "json": "application/json"
        case "webmanifest": "application/manifest+json"
        case "txt": "text/plain; charset=utf-8"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "ico": "image/x-icon"
        case "woff2": "font/woff2"
        default: nil
        }
    }

    private static let filePolicy = [(name: "Cross-Origin-Resource-Policy", value: "same-origin")]

    private static let pagePolicy = [
        (name: "Content-Security-Policy", value: Self.contentSecurityPolicy),
        (name: "Referrer-Policy", value: "no-referrer"),
        // For browsers that know no `frame-ancestors`.
        (name: "X-Frame-Options", value: "DENY"),
        (name: "Cross-Origin-Opener-Policy", value: "same-origin"),
    ]
}
