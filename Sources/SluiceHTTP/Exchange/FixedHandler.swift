internal import NIOCore

/// Answers each request with the same response.
package final class FixedHandler: RequestHandler {
    private let answer: (HTTPExchange) -> Void

    package init(_ response: HTTPResponse) {
        self.answer = { $0.respond(response) }
    }

    package init(_ problem: Problem) {
        self.answer = { $0.respond(problem: problem) }
    }

    package func start(_ exchange: HTTPExchange) {
        self.answer(exchange)
    }
}
