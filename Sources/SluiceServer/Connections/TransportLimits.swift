internal import SluiceAdmission
internal import SluiceBase

/// Decides about each TCP connection of the public listener when it is accepted: by the number in all, the number from
/// each address, and the machine's room.
///
/// Beyond the room a few more connections are accepted, to tell them to come back and for health checks. When these
/// places are full too, a new connection takes the place of the one that has been silent for longest: a flood of silent
/// connections keeps no other from an answer. A pure value.
struct TransportLimits: Sendable {
    /// The name of a connection: the channel's.
    typealias ID = ObjectIdentifier

    /// Why a connection's requests are refused.
    enum Shortage: Sendable, Equatable {
        /// There are as many connections as the operator allows.
        case total
        /// Descriptors or memory are short.
        case resources
    }

    /// Why a connection is closed at once, by the name that the metrics have for it.
    enum Refusal: String, Sendable {
        /// Its address opens connections too fast.
        case accepts
        /// Its address holds far more connections than any client needs.
        case addressConnections = "address_connections"
        /// There is no place left, not even to say so.
        case overloaded
    }

    /// The decision about a connection that has just been accepted.
    enum Answer: Sendable, Equatable {
        case admitted
        /// Its requests are refused, and it is closed behind the first one.
        ///
        /// `evicting` must be closed at once, if there is one: it gave up its place.
        case told(Shortage, evicting: ID?)
        /// It must be closed at once.
        case closed(Refusal)
    }

    private enum Place {
        case admitted
        case told
        /// To be closed, and still a descriptor.
        case leaving
    }

    /// How many times the live connections that an address may have are its TCP connections: a producer posts by
    /// several, and a page loads by some, without any of them living long.
    private static let addressFactor = 10
    /// No address is held to fewer, so that a low limit on live connections does not hurt producers.
    private static let leastAddressLimit = 1000

    /// The machine's room.
    var verdict = LoadShedder.Verdict()
    /// Open connections, including those that only get a refusal.
    private(set) var count = 0
    /// Connections that were closed and still have their descriptor.
    private(set) var leavingCount = 0
    private var total: Int
    private var addressLimit: Int
    private var accepts: BucketMap<AddressKey>
    private var addressCounts: [AddressKey: Int] = [:]
    /// Those that are only told something and have not sent a byte, oldest first; then those that have.
    private var mute: [ID] = []
    private var heard: [ID] = []
    private var evicted: Set<ID> = []

    init(_ limits: GatewayConfiguration.Limits) {
        self.total = limits.connections.total
        self.addressLimit = Self.addressLimit(limits.connections)
        self.accepts = BucketMap(limit: RateLimit(limits.accepts))
    }

    /// Whether so many descriptors are being closed that no connection may be accepted for a moment.
    var isFull: Bool { self.count + self.leavingCount >= self.verdict.pauseLimit }

    /// New limits from the operator; open connections stay.
    mutating func replace(_ limits: GatewayConfiguration.Limits) {
        self.total = limits.connections.total
        self.addressLimit = Self.addressLimit(limits.connections)
        self.accepts.limit = RateLimit(limits.accepts)
    }

    /// A connection was accepted; whatever the answer, ``close(_:from:_:)`` must follow.
    ///
    /// - Parameters:
    ///   - id: The connection.
    ///   - address: Where it comes from; nil for proxies, which speak for many.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: The decision.
    mutating func open(_ id: ID, from address: AddressKey?, now: UInt64) -> Answer {
        if let address, let refusal = self.refusal(of: address, now: now) {
            return self.refuse(refusal)
        }
        let answer: Answer
        if let shortage = self.shortage {
            let isCrowded =
                self.count >= self.verdict.acceptLimit
                || self.mute.count + self.heard.count >= self.verdict.toldLimit
            let evicting = isCrowded ? self.evictOne() : nil
            // If others took the descriptors, the reserve still has one place.
            guard !isCrowded || evicting != nil || self.count < self.verdict.pauseLimit else {
                return self.refuse(.overloaded)
            }
            self.mute.append(id)
            answer = .told(shortage, evicting: evicting)
        } else {
            answer = .admitted
        }
        self.count += 1
        if let address {
            self.addressCounts[address, default: 0] += 1
        }
        return answer
    }

    /// A load balancer has named the client of an open connection, which counts for this address from now on.
    ///
    /// - Parameters:
    ///   - address: The client's.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: Why it must be closed at once; nil if it is counted, until ``release(_:)``.
    mutating func name(_ address: AddressKey, now: UInt64) -> Refusal? {
        if let refusal = self.refusal(of: address, now: now) {
            return refusal
        }
        self.addressCounts[address, default: 0] += 1
        return nil
    }

    /// A connection that was counted for an address is gone.
    mutating func release(_ address: AddressKey) {
        if let held = self.addressCounts.removeValue(forKey: address), held > 1 {
            self.addressCounts[address] = held - 1
        }
    }

    private mutating func refusal(of address: AddressKey, now: UInt64) -> Refusal? {
        guard self.accepts.take(for: address, now: now) == .taken else {
            return .accepts
        }
        return self.addressCounts[address, default: 0] < self.addressLimit ? nil : .addressConnections
    }

    /// A connection sent its first byte.
    mutating func hear(_ id: ID) {
        if let index = self.mute.firstIndex(of: id) {
            self.mute.remove(at: index)
            self.heard.append(id)
        }
    }

    /// A connection is gone.
    ///
    /// - Parameters:
    ///   - id: The connection.
    ///   - address: Where it came from, as when it was opened.
    ///   - answer: The decision at that time.
    mutating func close(_ id: ID, from address: AddressKey?, _ answer: Answer) {
        if case .closed = answer {
            self.leavingCount -= 1
            return
        }
        if self.evicted.remove(id) != nil {
            self.leavingCount -= 1
        } else {
            self.mute.removeAll { $0 == id }
            self.heard.removeAll { $0 == id }
            self.count -= 1
        }
        if let address {
            self.release(address)
        }
    }

    private var shortage: Shortage? {
        if self.count >= self.total {
            return .total
        }
        return self.count >= self.verdict.transportLimit ? .resources : nil
    }

    private mutating func refuse(_ refusal: Refusal) -> Answer {
        self.leavingCount += 1
        return .closed(refusal)
    }

    private mutating func evictOne() -> ID? {
        guard let id = self.mute.first ?? self.heard.first else {
            return nil
        }
        if self.mute.isEmpty {
            self.heard.removeFirst()
        } else {
            self.mute.removeFirst()
        }
        self.evicted.insert(id)
        self.count -= 1
        self.leavingCount += 1
        return id
    }

    private static func addressLimit(_ connections: ConnectionLimits.Configuration) -> Int {
        let (product, overflow) = connections.perAddress.multipliedReportingOverflow(by: Self.addressFactor)
        return overflow ? .max : max(product, Self.leastAddressLimit)
    }
}
