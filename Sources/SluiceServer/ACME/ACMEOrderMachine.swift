internal import NIOCore
internal import SluiceBase

/// One order of a certificate, from the directory to the chain (RFC 8555 section 7): what comes next.
///
/// It sends nothing, signs nothing and waits for nothing itself.
struct ACMEOrderMachine: Sendable {
    /// What is ordered, and how.
    struct Terms: Sendable, Equatable {
        var directory: String
        var domains: [String]
        var email: String?
        var challenge: GatewayConfiguration.ACME.Challenge
        /// The request for the certificate (PKCS #10), in DER.
        var request: [UInt8]
        /// The id of the certificate that is renewed (RFC 9773 section 4.1); nil for none.
        var replaces: String?
    }

    /// What to do next; the answer to a request, or the end of anything else, is to be told.
    enum Action: Sendable, Equatable {
        /// Send `GET`, unsigned, and tell ``ACMEOrderMachine/received(_:now:)``.
        case get(String)
        /// Send `HEAD`, unsigned, and tell likewise.
        case head(String)
        /// Send this, signed by the account of this address, or by the whole key, and tell likewise.
        case post(String, payload: [UInt8], nonce: String, account: String?)
        /// Answer the authority from now on, and tell ``ACMEOrderMachine/presented()``.
        case present(token: String, domain: String)
        /// Wait, and tell ``ACMEOrderMachine/waited()``.
        case wait(until: NIODeadline)
        /// The chain of certificates (PEM): the order is done.
        case issued([UInt8])
        case failed(ACMEFailure)
    }

    /// The longest that an order takes, from the directory on.
    static let limit = TimeAmount.minutes(10)
    /// How often one request is sent again because its nonce was refused (section 6.5).
    static let maximumNonceRefusalCount = 10
    private static let firstWait = TimeAmount.milliseconds(250)
    private static let longestWait = TimeAmount.seconds(10)
    /// The longest that an authority's word to ask later holds while it decides.
    private static let longestRetry = TimeAmount.minutes(1)

    /// The request under way, by what its answer means.
    private enum Step: Sendable, Equatable {
        case directory
        case account
        case order
        case authorization(Int)
        case challenge(Int)
        case state
        case finalization
        case certificate
    }

    private struct Request: Sendable {
        let url: String
        let payload: [UInt8]
        var nonceRefusalCount = 0
    }

    /// Where the order is with the authority.
    private struct Order: Sendable {
        let url: String
        let authorizations: [String]
        let finalize: String
    }

    private let terms: Terms
    private let endsAt: NIODeadline
    private var step = Step.directory
    private var directory: ACMEDirectory?
    private var account: String?
    private var order: Order?
    private var request: Request?
    private var nonce: String?
    private var awaitsNonce = false
    private var isReplacing: Bool
    /// Whether the authority was told to look, for the present authorization.
    private var isChallengeSent = false
    private var challengeURL = ""
    /// Whether the request for the certificate was sent.
    private var isFinalized = false
    /// How often it was asked in vain since the last step.
    private var waitCount = 0

    init(_ terms: Terms, now: NIODeadline) {
        self.terms = terms
        self.endsAt = now + Self.limit
        self.isReplacing = terms.replaces != nil
    }

    /// The terms of service that the operator agrees to; nil if they are not known or there are none.
    var termsOfService: String? { self.directory?.terms }

    /// The first request.
    func begin() -> Action {
        .get(self.terms.directory)
    }

    /// An answer came.
    mutating func received(_ answer: ACMEAnswer, now: NIODeadline) -> Action {
        if let nonce = answer.nonce {
            self.nonce = nonce
        }
        // What was issued is taken in any case.
        guard now < self.endsAt || self.step == .certificate else {
            return .failed(self.late(answer))
        }
        if self.awaitsNonce {
            self.awaitsNonce = false
            guard self.nonce != nil else {
                return .failed(ACMEFailure("the authority gives no nonce", retryAfter: answer.retryAfter))
            }
            return self.send()
        }
        if !answer.isGood, let retry = self.retry(answer) {
            return retry
        }
        guard answer.isGood else {
            return .failed(answer.failure)
        }
        do throws(ACMEFailure) {
            return try self.next(answer, now: now)
        } catch {
            return .failed(error)
        }
    }

    /// The authority will be answered.
    mutating func presented() -> Action {
        guard case .authorization(let index) = self.step else {
            preconditionFailure("a challenge belongs to an authorization")
        }
        self.step = .challenge(index)
        self.isChallengeSent = true
        return self.ask(self.challengeURL, Array("{}".utf8))
    }

    /// The wait is over.
    mutating func waited() -> Action {
        self.send()
    }

    // MARK: Requests

    /// Sends a request; nothing in it only reads (RFC 8555 section 6.3).
    private mutating func ask(_ url: String, _ payload: [UInt8] = []) -> Action {
        self.request = Request(url: url, payload: payload)
        return self.send()
    }

    private mutating func send() -> Action {
        guard let request = self.request, let directory = self.directory else {
            preconditionFailure("requests follow the directory")
        }
        guard let nonce = self.nonce else {
            self.awaitsNonce = true
            return .head(directory.newNonce)
        }
        // Each is for one request.
        self.nonce = nil
        return .post(request.url, payload: request.payload, nonce: nonce, account: self.account)
    }

    /// Another try at once, where that may help.
    private mutating func retry(_ answer: ACMEAnswer) -> Action? {
        let problem = answer.object.map { ACMEProblem($0) }
        if problem?.type == "badNonce", let count = self.request?.nonceRefusalCount,
            count < Self.maximumNonceRefusalCount
        {
            self.request?.nonceRefusalCount += 1
            return self.send()
        }
        // RFC 9773 section 5: what an order replaces is a hint. Without it, it is an order like any other.
        if self.step == .order, self.isReplacing, answer.status == 409 || problem?.type == "malformed" {
            self.isReplacing = false
            return self.placeOrder()
        }
        return nil
    }

    /// Asks again after a while, unless that is too late.
    private mutating func wait(_ answer: ACMEAnswer, now: NIODeadline) throws(ACMEFailure) -> Action {
        // Six doublings are more than the longest.
        let usual = min(Self.firstWait * (Int64(1) << Int64(min(self.waitCount, 6))), Self.longestWait)
        self.waitCount += 1
        let until = now + min(max(answer.retryAfter ?? usual, Self.firstWait), Self.longestRetry)
        guard until < self.endsAt else {
            throw self.late(answer)
        }
        return .wait(until: until)
    }

    private func late(_ answer: ACMEAnswer) -> ACMEFailure {
        let minutes = Self.limit.nanoseconds / 60_000_000_000
        return ACMEFailure("the authority did not decide within \(minutes) minutes", retryAfter: answer.retryAfter)
    }

    // MARK: Steps

    private mutating func next(_ answer: ACMEAnswer, now: NIODeadline) throws(ACMEFailure) -> Action {
        switch self.step {
        case .directory:
            self.directory = try ACMEDirectory(answer)
            return self.openAccount()
        case .account:
            return try self.opened(answer)
        case .order:
            return try self.placed(answer)
        case .authorization(let index):
            return try self.judged(answer, index, now: now)
        case .challenge(let index):
            self.step = .authorization(index)
            return self.ask(self.placedOrder.authorizations[index])
        case .state, .finalization:
            return try self.advanced(answer, now: now)
        case .certificate:
            return .issued(answer.body)
        }
    }

    /// An account of this key that is there already is found by the same request (section 7.3).
    private mutating func openAccount() -> Action {
        guard let directory = self.directory else {
            preconditionFailure("accounts follow the directory")
        }
        self.step = .account
        var payload = JSONWriter()
        payload.beginObject()
        payload.member("termsOfServiceAgreed", true)
        if let email = self.terms.email {
            payload.member("contact", ["mailto:\(email)"])
        }
        payload.endObject()
        return self.ask(directory.newAccount, payload.bytes)
    }

    private mutating func opened(_ answer: ACMEAnswer) throws(ACMEFailure) -> Action {
        guard let location = answer.location else {
            throw ACMEFailure("the authority does not say where the account is")
        }
        if let status = answer.object?.present("status")?.string, status != "valid" {
            throw ACMEFailure("the account is \(status): remove its key from tls.acme.folder to get another")
        }
        self.account = location
        return self.placeOrder()
    }

    private mutating func placeOrder() -> Action {
        guard let directory = self.directory else {
            preconditionFailure("orders follow the directory")
        }
        self.step = .order
        var payload = JSONWriter()
        payload.beginObject()
        payload.name("identifiers")
        payload.beginArray()
        for domain in self.terms.domains {
            payload.beginObject()
            payload.member("type", "dns")
            payload.member("value", domain)
            payload.endObject()
        }
        payload.endArray()
        if self.isReplacing, directory.renewalInfo != nil, let id = self.terms.replaces {
            payload.member("replaces", id)
        }
        payload.endObject()
        return self.ask(directory.newOrder, payload.bytes)
    }

    private mutating func placed(_ answer: ACMEAnswer) throws(ACMEFailure) -> Action {
        guard let url = answer.location, let object = answer.object,
            let authorizations = object.present("authorizations")?.strings,
            let finalize = object.present("finalize")?.string,
            authorizations.count <= self.terms.domains.count
        else {
            throw ACMEFailure("the authority does not say what the order needs")
        }
        self.order = Order(url: url, authorizations: authorizations, finalize: finalize)
        return self.prove(0)
    }

    private var placedOrder: Order {
        guard let order = self.order else {
            preconditionFailure("an order was placed")
        }
        return order
    }

    /// Goes on with one authorization, or with the order once there are no more.
    private mutating func prove(_ index: Int) -> Action {
        let order = self.placedOrder
        self.waitCount = 0
        self.isChallengeSent = false
        guard index < order.authorizations.count else {
            self.step = .state
            return self.ask(order.url)
        }
        self.step = .authorization(index)
        return self.ask(order.authorizations[index])
    }

    private mutating func judged(_ answer: ACMEAnswer, _ index: Int, now: NIODeadline) throws(ACMEFailure) -> Action {
        guard let object = answer.object, let status = object.present("status")?.string,
            let domain = object.present("identifier")?.present("value")?.string?.lowercased(),
            self.terms.domains.contains(domain)
        else {
            throw ACMEFailure("the authority asks for what was not ordered")
        }
        let challenge = object.present("challenges")?.elements
            .first { $0.present("type")?.string == self.terms.challenge.rawValue }
        switch status {
        case "valid":
            return self.prove(index + 1)
        case "pending" where self.isChallengeSent:
            return try self.wait(answer, now: now)
        case "pending":
            guard let url = challenge?.present("url")?.string, let token = challenge?.present("token")?.string,
                Self.isToken(token)
            else {
                throw ACMEFailure("\(domain): the authority does not offer \(self.terms.challenge.rawValue)")
            }
            self.challengeURL = url
            return .present(token: token, domain: domain)
        default:
            let problem = challenge?.present("error").map { ACMEProblem($0).description }
            throw ACMEFailure("\(domain): \(problem ?? "the authority's answer is \(status)")")
        }
    }

    /// Section 8.3: at least 22 characters of base64url, which is safe in a path, and as long as any needs to be.
    private static func isToken(_ text: String) -> Bool {
        (1...512).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default:
                    false
                }
            }
    }

    /// The order's own state, also as the answer to its end (section 7.4).
    private mutating func advanced(_ answer: ACMEAnswer, now: NIODeadline) throws(ACMEFailure) -> Action {
        let order = self.placedOrder
        guard let object = answer.object, let status = object.present("status")?.string else {
            throw ACMEFailure("the authority does not say how the order stands")
        }
        switch status {
        case "ready" where self.step == .state && !self.isFinalized:
            self.step = .finalization
            self.isFinalized = true
            var payload = JSONWriter()
            payload.beginObject()
            payload.member("csr", Base64URL.encode(self.terms.request))
            payload.endObject()
            return self.ask(order.finalize, payload.bytes)
        case "pending", "ready", "processing":
            self.step = .state
            // What is sent after the wait: the question, and not the request before it.
            self.request = Request(url: order.url, payload: [])
            return try self.wait(answer, now: now)
        case "valid":
            guard let url = object.present("certificate")?.string else {
                throw ACMEFailure("the authority does not say where the certificate is")
            }
            self.step = .certificate
            return self.ask(url)
        default:
            let problem = object.present("error").map { ACMEProblem($0).description }
            throw ACMEFailure(problem ?? "the authority's answer to the order is \(status)")
        }
    }
}
