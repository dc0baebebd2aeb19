internal import SluiceAdmission
internal import Synchronization

/// How many TCP connections the public listener holds, in all and from each address.
final class TransportCount: Sendable {
    /// What becomes of a connection that has just been accepted.
    enum Answer {
        case admitted
        /// Its requests get this answer, and it is closed.
        case refused(Problem)
        /// It is closed without a word: its address holds far more than anybody needs.
        case dropped
    }

    /// How many times the live connections that an address may have are its TCP connections: a producer posts by
    /// several, and a page loads by some, without any of them living long.
    private static let addressFactor = 10
    /// No address is held to fewer, so that a low limit on live connections does not hurt producers.
    private static let leastAddressLimit = 1000

    private let count = Atomic<Int>(0)
    private let limit: Atomic<Int>
    private let shedLimit = Atomic<Int>(.max)
    private let acceptLimit = Atomic<Int>(.max)
    private let addressLimit: Atomic<Int>
    private let addresses = Mutex<[AddressKey: Int]>([:])

    init(_ connections: GatewayConfiguration.Limits.Connections) {
        self.limit = Atomic(connections.total)
        self.addressLimit = Atomic(Self.addressLimit(connections))
    }

    /// How many there are.
    var current: Int { self.count.load(ordering: .relaxed) }

    /// Whether there are so many that none is accepted until some are gone.
    var isFull: Bool { self.current >= self.acceptLimit.load(ordering: .relaxed) }

    /// New limits from the operator; those that stand stay.
    func setLimits(_ connections: GatewayConfiguration.Limits.Connections) {
        self.limit.store(connections.total, ordering: .relaxed)
        self.addressLimit.store(Self.addressLimit(connections), ordering: .relaxed)
    }

    /// What the machine has room for, until it is looked at again.
    func setShedding(_ verdict: LoadShedder.Verdict) {
        self.shedLimit.store(verdict.transportLimit, ordering: .relaxed)
        self.acceptLimit.store(verdict.acceptLimit, ordering: .relaxed)
    }

    /// A connection stands, whatever the answer; `close` has to follow.
    ///
    /// - Parameter address: Where it comes from; nil for proxies, which speak for many.
    /// - Returns: What becomes of it.
    func open(_ address: AddressKey?) -> Answer {
        let count = self.count.add(1, ordering: .relaxed).newValue
        if let address {
            let held = self.addresses.withLock { addresses in
                addresses[address, default: 0] += 1
                return addresses[address, default: 0]
            }
            guard held <= self.addressLimit.load(ordering: .relaxed) else {
                return .dropped
            }
        }
        if count > self.limit.load(ordering: .relaxed) {
            let detail = "the gateway holds as many connections as it may"
            return .refused(Problem(.overloaded, detail, retryAfterSeconds: 5))
        }
        if count > self.shedLimit.load(ordering: .relaxed) {
            return .refused(Problem(.overloaded, "the gateway is short of resources", retryAfterSeconds: 5))
        }
        return .admitted
    }

    /// A connection is gone.
    func close(_ address: AddressKey?) {
        self.count.subtract(1, ordering: .relaxed)
        guard let address else {
            return
        }
        self.addresses.withLock { addresses in
            let held = addresses[address, default: 1] - 1
            addresses[address] = held > 0 ? held : nil
        }
    }

    private static func addressLimit(_ connections: GatewayConfiguration.Limits.Connections) -> Int {
        let (product, overflow) = connections.perAddress.multipliedReportingOverflow(by: Self.addressFactor)
        return overflow ? .max : max(product, Self.leastAddressLimit)
    }
}
