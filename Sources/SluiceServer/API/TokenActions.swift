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
    func issueTicket(_ exchange: HTTPExchange, _ identity: Identity, _ body: ByteBuffer) throws(Problem) {
        if try Self.purpose(body) == .signIn {
            try self.issueSignIn(exchange, identity)
            return
        }
        if let peers = self.services.peers {
            try self.sealTicket(peers, .connection, exchange, identity)
            return
        }
        let issued: (ticket: String, expiresIn: Int)?
        do throws(TokenError) {
            issued = try self.services.authenticator.issueTicket(for: identity, now: WallTime.now().seconds)
        } catch {
            throw Self.problem(error)
        }
        guard let issued else {
            throw Self.tooManyTickets
        }
        Self.answer(issued.ticket, expiresIn: issued.expiresIn, exchange)
    }

    /// What a body asks for; without a word about it a ticket that opens one connection, as it was before there was
    /// another: what is no object at all is not looked at.
    private static func purpose(_ body: ByteBuffer) throws(Problem) -> SealedTicket.Purpose {
        let isSpace = { (byte: UInt8) in [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
        guard body.readableBytesView.first(where: { !isSpace($0) }) == UInt8(ascii: "{"),
            let use = try BodyReader.object(body).present("use")
        else {
            return .connection
        }
        guard use.string == "sign_in" else {
            throw Problem(.invalidBody, #"send nothing, or {"use":"sign_in"}"#)
        }
        return .signIn
    }

    /// A ticket that is traded for the token that the request itself brought.
    ///
    /// A token out of a cookie is none: scripts of the page may be kept from reading it, and would read it here.
    private func issueSignIn(_ exchange: HTTPExchange, _ identity: Identity) throws(Problem) {
        guard identity.kind == .token, !self.credentials(exchange).isAmbient else {
            throw Problem(
                .forbidden,
                "a ticket for signing in is made of a JWT that the request itself brings: Authorization: Bearer <JWT>"
            )
        }
        if let peers = self.services.peers {
            try self.sealTicket(peers, .signIn, exchange, identity)
            return
        }
        let issued = try self.sealed(.signIn, exchange, identity)
        guard self.services.authenticator.keepSignIn(issued.ticket, now: WallTime.now().seconds) else {
            throw Self.tooManyTickets
        }
        Self.answer(issued.ticket.text, expiresIn: issued.expiresIn, exchange)
    }

    private func credentials(_ exchange: HTTPExchange) -> Credentials {
        Credentials(exchange.request, isWebSocket: false, auth: self.services.settings.configuration.auth)
    }

    private func sealed(
        _ purpose: SealedTicket.Purpose,
        _ exchange: HTTPExchange,
        _ identity: Identity
    ) throws(Problem) -> (ticket: SealedTicket, expiresIn: Int) {
        let token: String? =
            switch self.credentials(exchange).proof {
            case .bearer(let token), .token(let token): token
            case .ticket, .none, .malformed: nil
            }
        let issued: (ticket: SealedTicket, expiresIn: Int)?
        do throws(TokenError) {
            issued = try self.services.authenticator.sealTicket(
                for: token,
                of: identity,
                purpose: purpose,
                now: WallTime.now().seconds
            )
        } catch {
            throw Self.problem(error)
        }
        guard let issued else {
            throw Self.tooManyTickets
        }
        return issued
    }

    /// A ticket that every node takes: it is there for all when the client hears of it.
    private func sealTicket(
        _ peers: any Peers,
        _ purpose: SealedTicket.Purpose,
        _ exchange: HTTPExchange,
        _ identity: Identity
    ) throws(Problem) {
        let issued = try self.sealed(purpose, exchange, identity)
        let minted = exchange.eventLoop.makePromise(of: Void.self)
        peers.mint(issued.ticket) { result in minted.completeWith(result.mapError { $0 as any Error }) }
        minted.futureResult.assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success:
                    Self.answer(issued.ticket.text, expiresIn: issued.expiresIn, exchange)
                case .failure:
                    exchange.respond(
                        problem: Problem(
                            .storageUnavailable,
                            "the ticket could not be kept; ask for another",
                            retryAfterSeconds: 5
                        )
                    )
                }
            }
    }

    private static func problem(_ error: TokenError) -> Problem {
        error.reason == .ticket ? Problem(.forbidden, "a ticket is issued for a JWT") : Problem(.invalidToken)
    }

    private static var tooManyTickets: Problem {
        Problem(.overloaded, "there are too many tickets outstanding", retryAfterSeconds: 30)
    }

    private static func answer(_ ticket: String, expiresIn: Int, _ exchange: HTTPExchange) {
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 128)
        writer.beginObject()
        writer.member("ticket", ticket)
        writer.member("expiresIn", expiresIn)
        writer.endObject()
        exchange.respond(.json(writer.buffer, status: .created))
    }

    /// `POST /api/users/{sub}/disconnect`.
    func disconnect(_ exchange: HTTPExchange, _ identity: Identity, user: String) throws(Problem) {
        try self.disconnect(exchange, identity, ["user": "\(user)"], .user(ByteName(user)))
    }

    /// `POST /api/ingest-keys/{name}/disconnect`.
    func disconnect(_ exchange: HTTPExchange, _ identity: Identity, ingestKey name: String) throws(Problem) {
        try self.disconnect(exchange, identity, ["ingest_key": "\(name)"], .ingestKey(ByteName(name)))
    }

    private func disconnect(
        _ exchange: HTTPExchange,
        _ identity: Identity,
        _ whose: Logger.Metadata,
        _ disconnection: Disconnection
    ) throws(Problem) {
        guard identity.isAdmin else {
            throw Problem(.forbidden, "only an administrator may end others' connections")
        }
        self.services.disconnect(disconnection, on: exchange.eventLoop)
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
                            self.services.peers == nil
                                ? "the revocation is in force, but would not outlive a restart; send it again"
                                : "the revocation is in force here, but perhaps not on the other nodes; send it again",
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
