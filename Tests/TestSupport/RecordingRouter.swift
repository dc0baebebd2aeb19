internal import NIOCore
internal import NIOHTTP1
package import SluiceHTTP

/// A router over a few paths that answer in all possible ways; counts its calls.
package final class RecordingRouter: RequestRouter {
    package private(set) var handlers: [RecordingHandler] = []
    package private(set) var requests: [HTTPRequest] = []
    package private(set) var refusals: [ProblemCode] = []
    package private(set) var openedCount = 0
    package private(set) var closedCount = 0
    package private(set) var cutCount = 0
    package private(set) var abuseCount = 0
    package private(set) var refusedStreamCount = 0

    package init() {}

    package func connectionOpened(_ connection: HTTPConnectionInfo) {
        self.openedCount += 1
    }

    package func connectionClosed(_ connection: HTTPConnectionInfo) {
        self.closedCount += 1
    }

    package func slowReaderCut() {
        self.cutCount += 1
    }

    package func streamRefused() {
        self.refusedStreamCount += 1
    }

    package func connectionAbused() {
        self.abuseCount += 1
    }

    package func refused(_ code: ProblemCode) {
        self.refusals.append(code)
    }

    package func route(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> any RequestHandler {
        self.requests.append(request)
        let handler = Self.handler(for: request)
        self.handlers.append(handler)
        return handler
    }

    private static func handler(for request: HTTPRequest) -> RecordingHandler {
        guard request.isDecodable else {
            return RecordingHandler(onStart: { $0.respond(problem: Problem(.invalidTarget)) })
        }
        guard request.hasKnownMethod else {
            return RecordingHandler(onStart: { $0.respond(problem: Problem(.notImplemented)) })
        }
        return switch request.path.first {
        case nil, "ok":
            RecordingHandler(onStart: { $0.respond(.json(ByteBuffer(string: "{}"))) })
        case "later":
            RecordingHandler()
        case "collect":
            RecordingHandler(.collect(maximumBytes: 64), onEnd: { $0.respond(.json($1)) })
        case "keep":
            RecordingHandler(.collect(maximumBytes: 1 << 20))
        case "stream":
            RecordingHandler(.stream(idleTimeout: .minutes(5)), onEnd: { exchange, _ in exchange.respond(.empty(.ok)) })
        case "open":
            RecordingHandler(onStart: {
                $0.startResponse(status: .ok, headers: [("Content-Type", "text/plain")])
                $0.write(ByteBuffer(string: "one"))
            })
        case "forbidden":
            RecordingHandler(onStart: { $0.respond(problem: Problem(.forbidden)) })
        case "pieces":
            RecordingHandler(onStart: {
                $0.startResponse(status: .ok, headers: [("Content-Type", "text/plain")])
                $0.write(ByteBuffer(string: "one"))
                $0.write(ByteBuffer())
                $0.write(ByteBuffer(string: "twotwotwotwotwotwo"))
                $0.finish()
            })
        default:
            RecordingHandler(onStart: { $0.respond(problem: Problem(.notFound)) })
        }
    }
}
