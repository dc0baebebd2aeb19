internal import NIOHTTP1

/// The files of the console by their path.
///
/// They are part of the binary: there is nothing to install or to mislay. Who may fetch them is for the caller to say;
/// they hold no secret, and a token is entered only once they are there.
package enum ConsoleAssets {
    /// What the console's page may do: run and load the gateway's own files, talk to the gateway, and nothing else.
    ///
    /// Script and style inside the page do not run, so that no message can become either.
    package static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// Every path, with the file that stands there.
    package static let all: [String: ConsoleAsset] = [
        "/": ConsoleAsset(ConsolePage.text, mediaType: "text/html; charset=utf-8", policy: Self.pagePolicy),
        "/console.css": ConsoleAsset(ConsoleStyle.text, mediaType: "text/css; charset=utf-8", policy: Self.filePolicy),
        "/console.js": ConsoleAsset(ConsoleScript.text, mediaType: Self.scriptType, policy: Self.filePolicy),
        "/console-model.js": ConsoleAsset(ConsoleModel.text, mediaType: Self.scriptType, policy: Self.filePolicy),
        // Pages of other origins may import the client, so it is the one file without a policy about that.
        "/client.js": ConsoleAsset(BrowserClient.text, mediaType: Self.scriptType, policy: []),
    ]

    /// The file at a path.
    ///
    /// - Parameter segments: The path's segments, decoded; none for `/`.
    /// - Returns: nil if there is no such file.
    package static func asset(at segments: [String]) -> ConsoleAsset? {
        guard segments.count <= 1 else { return nil }
        return self.all["/" + (segments.first ?? "")]
    }

    private static let scriptType = "text/javascript; charset=utf-8"

    private static let filePolicy = [(name: "Cross-Origin-Resource-Policy", value: "same-origin")]

    private static let pagePolicy =
        [
            (name: "Content-Security-Policy", value: Self.contentSecurityPolicy),
            (name: "Referrer-Policy", value: "no-referrer"),
            // For browsers that know no `frame-ancestors`.
            (name: "X-Frame-Options", value: "DENY"),
            (name: "Cross-Origin-Opener-Policy", value: "same-origin"),
        ] + Self.filePolicy
}

/// Answers for the pages that the gateway serves by itself.
///
/// They hold no secret, so they need no token.
enum ConsoleRoute {
    /// Who answers for the path, if it is one of them.
    static func handler(for request: HTTPRequest) -> FixedHandler? {
        guard let asset = ConsoleAssets.asset(at: request.path) else {
            return nil
        }
        let isPacked = ContentCoding.acceptsGzip(request.headers)
        var headers = asset.headers(isPacked: isPacked)
        guard !asset.isFresh(ifNoneMatch: request.headers["If-None-Match"]) else {
            return FixedHandler(HTTPResponse(status: .notModified, headers: headers))
        }
        if isPacked {
            headers.append(("Content-Encoding", "gzip"))
        }
        let body = isPacked ? asset.packed : asset.body
        return FixedHandler(HTTPResponse(status: .ok, headers: headers, contentType: asset.mediaType, body: body))
    }
}
