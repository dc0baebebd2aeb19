internal import NIOHTTP1

/// The pages that the gateway serves by itself.
enum ConsoleRoute {
    /// Who answers for the path, if it is one of them.
    static func handler(for request: HTTPRequest) -> (any RequestHandler)? {
        nil
    }
}
