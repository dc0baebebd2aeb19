internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// The token buckets and connection counts of the gateway.
final class GatewayLimits: Sendable {
    let handshakesByUser: RateLimiter<ByteName>
    let handshakesByAddress: RateLimiter<AddressKey>
    /// Credentials that were not good.
    let failuresByAddress: RateLimiter<AddressKey>
    /// Questions that an address has the application asked.
    let questionsByAddress: RateLimiter<AddressKey>
    let ingest: RateLimiter<ByteName>
    let requests: RateLimiter<ByteName>
    let subscribers: ConnectionLimiter

    init(_ limits: GatewayConfiguration.Limits) {
        self.handshakesByUser = RateLimiter(limit: RateLimit(limits.handshakes))
        self.handshakesByAddress = RateLimiter(limit: RateLimit(limits.handshakes))
        self.failuresByAddress = RateLimiter(limit: Self.failures(limits))
        self.questionsByAddress = RateLimiter(limit: Self.questions(limits))
        self.ingest = RateLimiter(limit: RateLimit(limits.ingest))
        self.requests = RateLimiter(limit: RateLimit(limits.requests))
        self.subscribers = ConnectionLimiter(configuration: limits.connections)
    }

    /// From now on it is noted what is taken, for the other nodes; see ``takeShares()``.
    func beginSharing() {
        for limiter in [self.ingest, self.requests, self.handshakesByUser] {
            limiter.beginNoting()
        }
        self.handshakesByAddress.beginNoting()
        self.failuresByAddress.beginNoting()
    }

    private var byName: [(name: String, limiter: RateLimiter<ByteName>)] {
        [("ingest", self.ingest), ("requests", self.requests), ("handshakes", self.handshakesByUser)]
    }

    private var byAddress: [(name: String, limiter: RateLimiter<AddressKey>)] {
        [("address_handshakes", self.handshakesByAddress), ("address_failures", self.failuresByAddress)]
    }

    /// What was taken here since this was last asked.
    func takeShares() -> [RateShare] {
        self.byName.flatMap { name, limiter in
            limiter.takeNotes().map { RateShare(limit: name, key: $0.key.text, count: $0.value) }
        }
            + self.byAddress.flatMap { name, limiter in
                limiter.takeNotes().map { RateShare(limit: name, key: $0.key.text, count: $0.value) }
            }
    }

    /// Pays what was taken on another node, of the rates that are known here.
    func pay(_ shares: [RateShare], now: UInt64) {
        for share in shares {
            if let limiter = self.byName.first(where: { $0.name == share.limit })?.limiter {
                limiter.pay(share.count, for: ByteName(share.key), now: now)
            } else if let limiter = self.byAddress.first(where: { $0.name == share.limit })?.limiter,
                let key = AddressKey(keyText: share.key)
            {
                limiter.pay(share.count, for: key, now: now)
            }
        }
    }

    /// How many bad credentials an address may show: at the pace of handshakes, and a fleet of clients whose tokens all
    /// ended at once is no attack.
    private static func failures(_ limits: GatewayConfiguration.Limits) -> RateLimit {
        RateLimit(rate: limits.handshakes.rate, burst: Self.five(limits.handshakes.burst))
    }

    /// How often an address may have the application asked: as five users may ask the gateway.
    ///
    /// Several users may share an address. What is kept of the application's answers costs nothing.
    private static func questions(_ limits: GatewayConfiguration.Limits) -> RateLimit {
        RateLimit(rate: limits.requests.rate * 5, burst: Self.five(limits.requests.burst))
    }

    private static func five(_ burst: Int) -> Int {
        let (product, overflow) = burst.multipliedReportingOverflow(by: 5)
        return overflow ? .max : product
    }

    /// New limits from the operator; earlier spending stays.
    func replace(_ limits: GatewayConfiguration.Limits) {
        self.handshakesByUser.setLimit(RateLimit(limits.handshakes))
        self.handshakesByAddress.setLimit(RateLimit(limits.handshakes))
        self.failuresByAddress.setLimit(Self.failures(limits))
        self.questionsByAddress.setLimit(Self.questions(limits))
        self.ingest.setLimit(RateLimit(limits.ingest))
        self.requests.setLimit(RateLimit(limits.requests))
        self.subscribers.setConfiguration(limits.connections)
    }
}

extension RateLimit {
    init(_ bucket: GatewayConfiguration.Limits.Bucket) {
        self.init(rate: bucket.rate, burst: bucket.burst)
    }
}

extension TokenBucket.Answer {
    /// The refusal of a request that must wait; nil if it may continue.
    func problem(_ what: String) -> Problem? {
        guard case .refused(let retryAfter) = self else {
            return nil
        }
        let seconds = Int(max(1, (retryAfter + 999_999_999) / 1_000_000_000))
        return Problem(
            .rateLimited,
            "too many \(what); come again in \(seconds) s",
            retryAfterSeconds: seconds
        )
    }
}

/// The cost of an API request to its user, by the length of its answer before packing.
///
/// A request costs one token of `limits.requests` before any work is done, and is refused if there is none. The answer
/// then costs one more for every 64 KiB beyond the first, also where that makes a debt: the next request pays for it.
struct AnswerCost {
    /// How many bytes of an answer one token is for.
    static let bytesPerToken = 64 * 1024

    private var bytes = 0
    private var paidCount = 1

    /// Some more of the answer was made.
    ///
    /// - Returns: How many tokens to charge for it.
    mutating func add(_ byteCount: Int) -> Int {
        self.bytes += byteCount
        let count = (self.bytes + Self.bytesPerToken - 1) / Self.bytesPerToken
        defer { self.paidCount = max(count, self.paidCount) }
        return max(0, count - self.paidCount)
    }
}
