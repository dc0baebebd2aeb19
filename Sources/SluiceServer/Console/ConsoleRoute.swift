internal import NIOHTTP1

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
