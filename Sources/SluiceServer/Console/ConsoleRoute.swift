internal import NIOHTTP1
internal import SluiceHTTP

/// Answers for the files that the gateway serves by itself.
///
/// They hold no secret, so they need no token. The client's files are at `/client.js` whatever becomes of the console.
struct ConsoleRoute: Sendable {
    /// The segments of the page's address; nil for no console.
    private let place: [String]?
    /// The page, where it is not at `/`.
    private let page: ConsoleAsset?

    /// - Parameter path: The page's address; nil for none.
    init(path: String?) {
        self.place = path.map { $0.split(separator: "/").map(String.init) }
        self.page = self.place.flatMap { $0.isEmpty ? nil : ConsoleAssets.page(at: $0) }
    }

    /// The handler for the path, if it is one of them.
    func handler(for request: HTTPRequest) -> FixedHandler? {
        guard let asset = self.asset(at: request.path) else {
            return self.isPageWithSlash(request.path) ? self.redirect : nil
        }
        let isPacked = asset.isPackable && ContentCoding.acceptsGzip(request.headers)
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

    private func asset(at path: [String]) -> ConsoleAsset? {
        if path.count == 1, path[0].hasPrefix("client.") {
            return ConsoleAssets.asset(at: path)
        }
        guard let place, path.starts(with: place) else {
            return nil
        }
        let rest = Array(path.dropFirst(place.count))
        return rest.isEmpty ? self.page ?? ConsoleAssets.asset(at: []) : ConsoleAssets.asset(at: rest)
    }

    private func isPageWithSlash(_ path: [String]) -> Bool {
        self.page != nil && path.last == "" && path.dropLast() == self.place.map { $0[...] }
    }

    /// What the page names is relative to its address without a slash at the end.
    private var redirect: FixedHandler {
        FixedHandler(HTTPResponse(status: .permanentRedirect, headers: [("Location", "../\(self.place?.last ?? "")")]))
    }
}
