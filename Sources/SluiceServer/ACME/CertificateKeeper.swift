internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import Synchronization

/// Keeps the certificate that an authority issues to the gateway itself: orders it, renews it in time, shows it, and
/// remembers it.
///
/// ``ACMESchedule`` decides when, ``ACMEOrderMachine`` what is asked. Whatever fails, the old one stays.
final class CertificateKeeper: Sendable {
    /// What became of orders.
    struct Counts: Sendable, Equatable {
        var issued = 0
        var failed = 0
    }

    private struct State {
        var acme = GatewayConfiguration.ACME()
        var certificate: IssuedCertificate?
        /// Whose it is.
        var directory: String?
        var schedule = ACMESchedule()
        var counts = Counts()
        var lastFailure: ACMEFailure?
        /// What the authority is asked for at the moment.
        var errand: Task<Void, Never>?
        /// Rises with each change of the configuration: what was asked for under an earlier one counts no more.
        var generation = 0
        /// What proves the names, by token, and by name.
        var answers: [String: String] = [:]
        var challenges: [String: TLSContexts.Identity] = [:]
        var isStopped = false

        /// The id of the certificate that an order replaces.
        var replaces: String? {
            guard let certificate = self.certificate, self.directory == self.acme.directory,
                !Set(certificate.names).isDisjoint(with: self.acme.domains)
            else {
                return nil
            }
            return certificate.id
        }
    }

    private let contexts: TLSContexts
    private let group: any EventLoopGroup
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - acme: What the operator wants; one that the folder has is shown from now on.
    ///   - contexts: Show it; nil where no TLS is spoken, and nothing is kept.
    ///   - group: The loops on which the authority is asked.
    ///   - logger: Told of what becomes of orders.
    init?(
        _ acme: GatewayConfiguration.ACME,
        contexts: TLSContexts?,
        group: any EventLoopGroup,
        logger: Logger
    ) {
        guard let contexts else {
            return nil
        }
        self.contexts = contexts
        self.group = group
        self.logger = logger
        self.replace(acme)
    }

    /// What became of orders so far.
    var counts: Counts { self.state.withLock { $0.counts } }

    /// What is served for a challenge's token (RFC 8555 section 8.3); nil if it is none.
    func answer(to token: String) -> String? {
        self.state.withLock { $0.answers[token] }
    }

    /// Why clients cannot be served; nil if they can.
    ///
    /// - Parameter time: The time of day, in seconds since 1970.
    /// - Returns: The reason, in words for the operator.
    func trouble(time: Double) -> String? {
        let isShown = self.contexts.current.context != nil
        return self.state.withLock { state in
            guard state.acme.isOn else {
                return nil
            }
            let reason: String
            if let end = state.certificate?.validity.endsAt, end <= time {
                reason = "the certificate ended on \(CertificateDate.day(end))"
            } else if state.certificate == nil, !isShown {
                reason = "there is no certificate yet"
            } else {
                return nil
            }
            return state.lastFailure.map { "\(reason): \($0)" } ?? reason
        }
    }

    /// Takes over a new configuration; the present certificate stays until there is another.
    func replace(_ acme: GatewayConfiguration.ACME) {
        let isChanged = self.state.withLock { state in
            guard state.acme != acme else {
                return false
            }
            state.acme = acme
            state.generation += 1
            state.errand?.cancel()
            state.errand = nil
            state.answers = [:]
            state.challenges = [:]
            state.lastFailure = nil
            return true
        }
        guard isChanged else {
            return
        }
        try? self.contexts.setChallenges([:])
        let kept = acme.isOn ? self.kept(acme) : nil
        let shown = self.state.withLock { state in
            if let kept {
                state.certificate = kept
                state.directory = acme.directory
            } else if !acme.isOn {
                state.certificate = nil
                state.directory = nil
            }
            state.schedule.took(kept?.validity, jitter: .random(in: 0...1))
            return state.certificate
        }
        do {
            try self.contexts.setIssued(shown?.identity)
        } catch {
            self.logger.error("certificate not shown", metadata: ["error": "\(error)"])
        }
    }

    /// Asks the authority if it is time.
    func askIfDue(on eventLoop: any EventLoop) {
        let (now, time) = (eventLoop.now, WallTime.now().seconds)
        self.state.withLock { state in
            guard state.acme.isOn, !state.isStopped, state.errand == nil else {
                return
            }
            let (acme, generation) = (state.acme, state.generation)
            if state.schedule.isDue(now: now, time: time) {
                let replaces = state.replaces
                state.errand = Task { await self.order(acme, replaces: replaces, generation) }
            } else if state.schedule.isLookDue(now: now), let id = state.replaces {
                state.errand = Task { await self.look(acme, id: id, generation) }
            }
        }
    }

    /// Asks for nothing more; returns once nothing is under way.
    func stop() async {
        let errand = self.state.withLock { state in
            state.isStopped = true
            state.errand?.cancel()
            return state.errand
        }
        await errand?.value
    }

    /// The certificate in the folder; nil if there is no good one.
    private func kept(_ acme: GatewayConfiguration.ACME) -> IssuedCertificate? {
        guard let directory = acme.directory else {
            return nil
        }
        do throws(ACMEFailure) {
            guard let certificate = try ACMEFolder(acme.folder, directory: directory).certificate(),
                certificate.isGood(for: acme.domains, time: WallTime.now().seconds)
            else {
                return nil
            }
            return certificate
        } catch {
            self.logger.warning("certificate in the folder is of no use", metadata: ["error": "\(error)"])
            return nil
        }
    }

    // MARK: Orders

    private func order(_ acme: GatewayConfiguration.ACME, replaces: String?, _ generation: Int) async {
        let names = acme.domains.joined(separator: ", ")
        self.logger.info(
            "certificate is ordered",
            metadata: ["names": "\(names)", "authority": "\(acme.directory ?? "")"]
        )
        // One for each order, which is seldom: the file of its authority may have changed.
        let client = HTTPClient(eventLoopGroup: self.group, configuration: .outbound(ca: acme.ca))
        let result: Result<IssuedCertificate, any Error>
        do {
            let certificate = try await self.ordered(acme, replaces: replaces, client, generation)
            result = .success(certificate)
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        self.state.withLock { state in
            if state.generation == generation {
                state.answers = [:]
                state.challenges = [:]
                try? self.contexts.setChallenges([:])
            }
        }
        switch result {
        case .success(let certificate):
            self.issued(certificate, names: names, generation)
        case .failure(let error):
            self.failed(error, names: names, generation)
        }
    }

    private func ordered(
        _ acme: GatewayConfiguration.ACME,
        replaces: String?,
        _ client: HTTPClient,
        _ generation: Int
    ) async throws -> IssuedCertificate {
        guard let directory = acme.directory else {
            throw ACMEFailure("no authority is configured")
        }
        let folder = ACMEFolder(acme.folder, directory: directory)
        // First, so that nothing is ordered that cannot be kept.
        let account = try folder.accountKey()
        let keyPEM = CertificateRequest.makeKey()
        let terms = ACMEOrderMachine.Terms(
            directory: directory,
            domains: acme.domains,
            email: acme.email,
            challenge: acme.challenge,
            request: try CertificateRequest.make(for: acme.domains, keyPEM: keyPEM),
            replaces: replaces
        )
        let chain = try await ACMEClient(client)
            .order(terms, key: account) { token, domain in
                try self.present(account.authorization(of: token), token: token, domain: domain, acme, generation)
            }
        let certificate = try IssuedCertificate(chain: chain, keyPEM: keyPEM)
        guard certificate.isGood(for: acme.domains, time: WallTime.now().seconds) else {
            throw ACMEFailure("the authority's certificate is for other names, or has ended")
        }
        guard self.state.withLock({ $0.generation == generation }) else {
            // Ordered by a configuration that is over: the folder may be another certificate's by now.
            throw CancellationError()
        }
        do throws(ACMEFailure) {
            try folder.save(certificate)
        } catch {
            self.logger.error("certificate not kept: the next start orders another", metadata: ["error": "\(error)"])
        }
        return certificate
    }

    /// Lets the authority find what proves a name.
    private func present(
        _ authorization: String,
        token: String,
        domain: String,
        _ acme: GatewayConfiguration.ACME,
        _ generation: Int
    ) throws {
        let time = WallTime.now().seconds
        let identity =
            acme.challenge == .tlsALPN
            ? try CertificateRequest.challenge(for: domain, authorization: authorization, time: time) : nil
        try self.state.withLock { state in
            guard state.generation == generation else {
                throw CancellationError()
            }
            if let identity {
                state.challenges[domain] = identity
                try self.contexts.setChallenges(state.challenges)
            } else {
                state.answers[token] = authorization
            }
        }
    }

    private func issued(_ certificate: IssuedCertificate, names: String, _ generation: Int) {
        let time = WallTime.now().seconds
        do {
            let renewsAt: Double? = try self.state.withLock { state in
                guard state.generation == generation else {
                    return nil
                }
                try self.contexts.setIssued(certificate.identity)
                state.errand = nil
                state.certificate = certificate
                state.directory = state.acme.directory
                state.schedule.took(certificate.validity, jitter: .random(in: 0...1), issuedAt: time)
                state.counts.issued += 1
                state.lastFailure = nil
                return state.schedule.renewsAt
            }
            if let renewsAt {
                self.logger.info(
                    "certificate issued",
                    metadata: [
                        "names": "\(names)", "ends": "\(CertificateDate.day(certificate.validity.endsAt))",
                        "renewal": "\(CertificateDate.day(renewsAt))",
                    ]
                )
            }
        } catch {
            self.failed(error, names: names, generation)
        }
    }

    private func failed(_ error: any Error, names: String, _ generation: Int) {
        let failure = error as? ACMEFailure ?? ACMEFailure("\(error)")
        let (wait, isShown): (TimeAmount?, Bool) = self.state.withLock { state in
            guard state.generation == generation else {
                return (nil, true)
            }
            state.errand = nil
            guard !state.isStopped else {
                return (nil, true)
            }
            state.counts.failed += 1
            state.lastFailure = failure
            return (state.schedule.failed(now: .now(), retryAfter: failure.retryAfter), state.certificate != nil)
        }
        guard let wait else {
            return
        }
        self.logger.log(
            level: isShown ? .warning : .error,
            isShown ? "certificate not renewed; the old one stays" : "no certificate issued",
            metadata: [
                "names": "\(names)", "reason": "\(failure)",
                "retry_seconds": .stringConvertible(wait.nanoseconds / 1_000_000_000),
            ]
        )
    }

    // MARK: Advice

    /// Asks when the authority wants the certificate to be renewed; without an answer the usual time holds.
    private func look(_ acme: GatewayConfiguration.ACME, id: String, _ generation: Int) async {
        let client = HTTPClient(eventLoopGroup: self.group, configuration: .outbound(ca: acme.ca))
        var advice: (window: RenewalWindow?, retryAfter: TimeAmount?)
        do {
            advice = try await ACMEClient(client).advice(acme.directory ?? "", id: id)
        } catch {
            self.logger.debug("no advice on the certificate's renewal", metadata: ["reason": "\(error)"])
        }
        try? await client.shutdown()
        let renewal: (before: Double?, after: Double?) = self.state.withLock { state in
            guard state.generation == generation else {
                return (nil, nil)
            }
            state.errand = nil
            let before = state.schedule.renewsAt
            state.schedule.looked(
                advice.window,
                retryAfter: advice.retryAfter,
                jitter: .random(in: 0...1),
                now: .now()
            )
            return (before, state.schedule.renewsAt)
        }
        if let after = renewal.after, renewal.before.map({ after < $0 }) ?? false {
            var metadata: Logger.Metadata = ["renewal": "\(CertificateDate.day(after))"]
            metadata["explanation"] = (advice.window?.explanation).map { "\($0)" }
            self.logger.info("the authority wants the certificate renewed earlier", metadata: metadata)
        }
    }
}
