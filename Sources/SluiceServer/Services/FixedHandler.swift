internal import NIOCore

/// Answers each request with the same response.
final class FixedHandler: RequestHandler {
    private let answer: (HTTPExchange) -> Void

    init(_ response: HTTPResponse) {
        self.answer = { $0.respond(response) }
    }

    init(_ problem: Problem) {
        self.answer = { $0.respond(problem: problem) }
    }

    func start(_ exchange: HTTPExchange) {
        self.answer(exchange)
    }
}
