import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import SluiceBase

/// What the gateway answers to those who manage it: scans, connections, revocations.
package struct GatewayAPI: Sendable {
    /// One object of an answer.
    package struct Object: Sendable {
        package let node: JSONNode
        /// As the gateway wrote it.
        package let json: String
    }

    /// Why there is no answer.
    package enum Failure: Error, CustomStringConvertible {
        case refused(GatewayProblem)
        /// There was no answer, or none that could be read.
        case failed(String)

        package var description: String {
            switch self {
            case .refused(let problem): "the gateway refused: \(problem)"
            case .failed(let reason): reason
            }
        }
    }

    /// The most bytes of an answer.
    private static let maximumBytes = 64 * 1024 * 1024
    private static let timeout = TimeAmount.seconds(30)
    /// How often a request is made that comes too fast for the gateway.
    private static let maximumTries = 6
    private static let maximumDepth = 66

    private let connection: GatewayConnection

    package init(_ connection: GatewayConnection) {
        self.connection = connection
    }

    /// All scans that are found, in the order of the query.
    package func scans(_ query: ScanQuery) async throws(Failure) -> [Object] {
        var found: [Object] = []
        var after: String?
        repeat {
            let bytes = try await self.ask(.GET, ["api", "scans", "stats"], query.parameters(after: after))
            let page = try Self.read(bytes)
            found += try Self.objects(page["scans"], in: bytes)
            let next = page.present("next")?.string
            guard next != after || next == nil else {
                break
            }
            after = next
        } while after != nil && found.count < query.maximumCount
        return Array(found.prefix(query.maximumCount))
    }

    /// How one scan stands.
    package func scan(_ id: ScanID) async throws(Failure) -> Object {
        try Self.object(try await self.ask(.GET, ["api", "scans", id.text]))
    }

    /// Removes a scan with all that is kept of it.
    package func delete(_ id: ScanID) async throws(Failure) {
        _ = try await self.ask(.DELETE, ["api", "scans", id.text])
    }

    /// The connections that are listed, and how many there are.
    package func connections() async throws(Failure) -> (listed: [Object], total: Int) {
        let bytes = try await self.ask(.GET, ["api", "connections"])
        let answer = try Self.read(bytes)
        let listed = try Self.objects(answer["connections"], in: bytes)
        return (listed, answer["total"]?.integer ?? listed.count)
    }

    /// One connection.
    package func connection(_ id: Int) async throws(Failure) -> Object {
        try Self.object(try await self.ask(.GET, ["api", "connections", String(id)]))
    }

    /// Ends all connections of a user; how many there were.
    package func disconnect(user: String) async throws(Failure) -> Int {
        try await self.disconnect("users", user)
    }

    /// Ends all connections by an ingest key; how many there were.
    package func disconnect(ingestKey name: String) async throws(Failure) -> Int {
        try await self.disconnect("ingest-keys", name)
    }

    private func disconnect(_ kind: String, _ name: String) async throws(Failure) -> Int {
        let answer = try Self.read(try await self.ask(.POST, ["api", kind, name, "disconnect"]))
        return answer["closed"]?.integer ?? 0
    }

    /// Ends a token before its time.
    package func revoke(_ revocation: TokenRevocation) async throws(Failure) {
        _ = try await self.ask(.POST, ["api", "tokens", "revoke"], body: revocation.body)
    }

    /// An address of the console that signs in once, with the token of the connection.
    ///
    /// - Parameters:
    ///   - scan: The scan that it shows; nil for all of them.
    ///   - console: The path of the console.
    /// - Returns: The address.
    /// - Throws: ``Failure``, for an older gateway too.
    package func signInLink(scan: ScanID?, console: String) async throws(Failure) -> String {
        let answer = try Self.read(try await self.ask(.POST, ["api", "tickets"], body: #"{"use":"sign_in"}"#))
        // An older gateway answers with a ticket for a connection; and nothing else gets to a terminal.
        guard let ticket = answer["ticket"]?.string, ticket.hasPrefix("signin_"),
            Base64URL.decode(ticket.utf8.dropFirst("signin_".utf8.count)) != nil
        else {
            throw .failed("the gateway gives no tickets for signing in; is it an older version?")
        }
        let path = console.split(separator: "/").map(String.init)
        let page = self.connection.address.url(path) + (path.isEmpty ? "/" : "")
        return "\(page)#ticket=\(ticket)" + (scan.map { "&scan=\($0.text)" } ?? "")
    }

    /// Makes a request, again where the gateway says that it comes too fast.
    private func ask(
        _ method: HTTPMethod,
        _ path: [String],
        _ query: [(name: String, value: String)] = [],
        body: String? = nil
    ) async throws(Failure) -> [UInt8] {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: self.connection.httpConfiguration(connectTimeout: .seconds(10))
        )
        var backoff = Backoff(base: .milliseconds(250), maximum: .seconds(5))
        var request = HTTPClientRequest(url: self.connection.address.url(path, query))
        request.method = method
        request.headers = self.connection.headers(token: self.connection.credential.current)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        var result = await Self.once(request, client)
        while case .failure(.refused(let problem)) = result, problem.status == 429 {
            let wait = backoff.failed(jitter: .random(in: 0...1), atLeast: problem.retryAfter)
            guard backoff.failureCount < Self.maximumTries, (try? await Task.sleep(for: wait)) != nil else {
                break
            }
            result = await Self.once(request, client)
        }
        try? await client.shutdown()
        return try result.get()
    }

    private static func once(_ request: HTTPClientRequest, _ client: HTTPClient) async -> Result<[UInt8], Failure> {
        do {
            let response = try await client.execute(request, timeout: self.timeout)
            guard (200..<300).contains(response.status.code) else {
                let body = try await response.collected(upTo: GatewayProblem.maximumBytes)
                return .failure(.refused(GatewayProblem(response, body: body)))
            }
            return .success(try await response.collected(upTo: self.maximumBytes))
        } catch {
            return .failure(.failed(ConnectionFailure.describe(error)))
        }
    }

    private static func read(_ bytes: [UInt8]) throws(Failure) -> JSONNode {
        guard let node = try? JSONReader.read(bytes, .tolerant(maximumDepth: self.maximumDepth)), node.isObject else {
            throw .failed("the gateway's answer cannot be read; is there a gateway at this address?")
        }
        return node
    }

    private static func object(_ bytes: [UInt8]) throws(Failure) -> Object {
        Object(node: try self.read(bytes), json: String(decoding: bytes, as: UTF8.self))
    }

    private static func objects(_ list: JSONNode?, in bytes: [UInt8]) throws(Failure) -> [Object] {
        guard let list, case .array(let elements) = list.value else {
            throw .failed("the gateway's answer has no list; is it an older version?")
        }
        return elements.map { Object(node: $0, json: String(decoding: bytes[$0.range], as: UTF8.self)) }
    }
}

/// Which tokens end before their time.
package enum TokenRevocation: Sendable {
    /// The one with this `jti`.
    case tokenID(String)
    /// A user's, of those issued before then, in seconds since 1970; nil for now, by the gateway's clock.
    case user(String, issuedBefore: Double?)

    var body: String {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        switch self {
        case .tokenID(let id):
            writer.member("jti", id)
        case .user(let subject, let instant):
            writer.member("sub", subject)
            if let instant {
                writer.member("issuedBefore", instant)
            } else {
                writer.member("issuedBefore", "now")
            }
        }
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}
