internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Tickets, and the ends of tokens before their time.
struct TokenActions: Sendable {
    let services: GatewayServices

    /// `POST /api/tickets`.
    func issueTicket(_ exchange: HTTPExchange, _ identity: Identity) throws(Problem) {
        let issued: (ticket: String, expiresIn: Int)?
        do throws(TokenError) {
            issued = try self.services.authenticator.issueTicket(for: identity, now: WallTime.now().seconds)
        } catch {
            throw error.reason == .ticket
                ? Problem(.forbidden, "a ticket is issued for a JWT")
                : Problem(.invalidToken)
        }
        guard let issued else {
            throw Problem(.overloaded, "there are too many tickets outstanding", retryAfterSeconds: 30)
        }
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 128)
        writer.beginObject()
        writer.member("ticket", issued.ticket)
        writer.member("expiresIn", issued.expiresIn)
        writer.endObject()
        exchange.respond(.json(writer.buffer, status: .created))
    }

    /// `POST /api/users/{sub}/disconnect`.
    func disconnect(_ exchange: HTTPExchange, _ identity: Identity, user: String) throws(Problem) {
        try self.disconnect(exchange, identity, ["user": "\(user)"]) {
            $0.isUser && $0.subject == ByteName(user)
        }
    }

    /// `POST /api/ingest-keys/{name}/disconnect`.
    func disconnect(_ exchange: HTTPExchange, _ identity: Identity, ingestKey name: String) throws(Problem) {
        try self.disconnect(exchange, identity, ["ingest_key": "\(name)"]) {
            $0.kind == .ingestKey && $0.subject == ByteName(name)
        }
    }

    private func disconnect(
        _ exchange: HTTPExchange,
        _ identity: Identity,
        _ whose: Logger.Metadata,
        where matches: @escaping @Sendable (Identity) -> Bool
    ) throws(Problem) {
        guard identity.isAdmin else {
            throw Problem(.forbidden, "only an administrator may end others' connections")
        }
        self.services.connections.closeAll(.disconnected, on: exchange.eventLoop, where: matches)
            .assumeIsolated()
            .whenSuccess { count in
                var metadata = whose
                metadata["closed"] = .stringConvertible(count)
                metadata["by"] = "\(identity.subject)"
                self.services.logger.info("connections ended by an administrator", metadata: metadata)
                var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 32)
                writer.beginObject()
                writer.member("closed", count)
                writer.endObject()
                exchange.respond(.json(writer.buffer))
            }
    }

    /// `POST /api/tokens/revoke`.
    func revoke(_ exchange: HTTPExchange, _ identity: Identity, _ body: ByteBuffer) throws(Problem) {
        guard identity.isAdmin else {
            throw Problem(.forbidden, "only an administrator may revoke tokens")
        }
        let now = WallTime.now().seconds
        let revocation = try Self.revocation(try BodyReader.object(body), now: now)
        // In force at once; the answer says that a restart will not forget it either.
        let stored = exchange.eventLoop.makePromise(of: Void.self)
        let isInForce = self.services.authenticator.revoke(revocation, now: now) { error in
            error.map { stored.fail($0) } ?? stored.succeed()
        }
        guard isInForce else {
            stored.succeed()
            throw Problem(.overloaded, "there are too many revocations in force", retryAfterSeconds: 60)
        }
        self.services.connections.closeAll(.tokenRevoked, on: exchange.eventLoop) { revocation.hits($0) }
            .and(stored.futureResult)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success:
                    exchange.respond(.empty(.noContent))
                case .failure:
                    exchange.respond(
                        problem: Problem(
                            .storageUnavailable,
                            "the revocation is in force, but would not outlive a restart; send it again",
                            retryAfterSeconds: 5
                        )
                    )
                }
            }
    }

    /// What a body asks for; `"now"` is the gateway's own time, since the asker's clock may be wrong.
    static func revocation(_ object: JSONNode, now: Double) throws(Problem) -> Revocation {
        if let tokenID = object["jti"]?.string, object["sub"] == nil, !tokenID.isEmpty {
            return .tokenID(ByteName(tokenID))
        }
        if let subject = object["sub"]?.string, object["jti"] == nil, !subject.isEmpty {
            let instant = object["issuedBefore"]
            if let seconds = instant?.string == "now" ? now : instant?.double, seconds.isFinite {
                return .subject(ByteName(subject), issuedBefore: seconds)
            }
        }
        throw Problem(
            .invalidBody,
            #"send {"jti":"…"} or {"sub":"…","issuedBefore":<seconds since 1970, or "now">}"#
        )
    }
}
