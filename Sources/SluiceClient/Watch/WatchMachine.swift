import SluiceBase

/// Decides whether a watcher's subscription begins again, and where.
struct WatchMachine: Sendable {
    /// How a connection ended.
    enum Ending: Sendable, Equatable {
        /// By a close frame (RFC 6455 section 5.5.1); 1005 means a close frame without a code.
        case closed(code: Int, reason: String)

        /// Without one, or it never stood.
        case lost(reason: String)

        /// The upgrade was refused.
        case refused(GatewayProblem)

        /// The other side is not known to be the gateway.
        case untrusted(reason: String)

        /// Whether the token was at fault: another may work.
        var isAboutToken: Bool {
            switch self {
            case .closed(4401, _):
                true
            case .refused(let problem):
                problem.status == 401
            case .closed, .lost, .untrusted:
                false
            }
        }
    }

    /// The action after a connection's end.
    enum Action: Sendable, Equatable {
        case reconnect(after: Duration, reason: String)
        case finish(WatchOutcome)
    }

    private let connection: GatewayConnection
    private let scanID: ScanID
    private let filters: [String]
    private let wait: Int?
    private var since: Int?
    private var epoch: String?
    private var backoff = Backoff(base: .milliseconds(500), maximum: .seconds(30))

    init(options: WatchOptions, scanID: ScanID) {
        self.connection = options.connection
        self.scanID = scanID
        self.filters = options.filters
        self.wait = options.wait
        self.since = options.since
        self.epoch = options.epoch
    }

    /// The path and query to subscribe at: after the last message that was seen.
    var uri: String {
        var query: [String] = []
        if let since = self.since { query.append("since=\(since)") }
        if let epoch = self.epoch { query.append("epoch=\(Self.encoded(epoch))") }
        if !self.filters.isEmpty {
            query.append("filters=" + self.filters.map(Self.encoded).joined(separator: ","))
        }
        if let wait = self.wait { query.append("wait=\(wait)") }
        let path = self.connection.address.socketPath(of: self.scanID)
        return query.isEmpty ? path : path + "?" + query.joined(separator: "&")
    }

    /// Whether another of the gateways was not tried since the last subscription: then the wait is short.
    var hasUntried: Bool { self.backoff.failureCount < self.connection.addresses.count }

    /// A text frame came.
    mutating func received(_ text: [UInt8]) -> [WatchEvent] {
        guard let node = try? JSONReader.read(text), case .object = node.value else { return [.unreadable] }
        switch node["type"]?.string {
        case "subscribed":
            return [self.subscribed(node)]
        case "batch":
            return (node["messages"]?.elements ?? []).map { self.message($0, in: text) }
        default:
            return [self.message(node, in: text)]
        }
    }

    /// The connection has ended.
    ///
    /// - Parameters:
    ///   - ending: How.
    ///   - hasNewToken: Whether there is another token than the used one.
    ///   - jitter: A random number from 0 to 1.
    /// - Returns: Whether to come back, and when.
    mutating func ended(_ ending: Ending, hasNewToken: Bool = false, jitter: Double) -> Action {
        switch ending {
        case _ where hasNewToken && ending.isAboutToken:
            return self.reconnect("the token was renewed", jitter: jitter, atLeast: nil)
        case .closed(1000, let reason) where reason != Self.heartbeatReason:
            return .finish(.completed(reason: reason))
        case .closed(let code, let reason) where Self.invitesBack(code):
            let words = Self.words(for: code, reason: reason)
            return self.reconnect(words, jitter: jitter, atLeast: Self.retryDelay(in: reason))
        case .closed(let code, let reason):
            let words = Self.words(for: code, reason: reason)
            return .finish(.failed("the gateway closed the connection: \(words) (\(code))"))
        case .lost(let reason):
            return self.reconnect(reason, jitter: jitter, atLeast: nil)
        case .refused(let problem) where problem.isTemporary:
            return self.reconnect(problem.description, jitter: jitter, atLeast: problem.retryAfter)
        case .refused(let problem):
            return .finish(.failed("the gateway refused: \(problem)"))
        case .untrusted(let reason):
            return .finish(.failed(reason))
        }
    }

    private mutating func subscribed(_ node: JSONNode) -> WatchEvent {
        self.backoff.succeeded()
        let seq = node["seq"]?.integer ?? 0
        let epoch = node["epoch"]?.string
        let recovered = node["recovered"]?.integer == nil && node["recovered"]?.value != .bool(false)
        if let since = self.since {
            // Another life of the scan, or a place beyond its end: all that is kept comes again.
            if (self.epoch != nil && self.epoch != epoch) || since > seq { self.since = 0 }
        } else {
            self.since = seq
        }
        self.epoch = epoch
        return .subscribed(seq: seq, recovered: recovered)
    }

    private mutating func message(_ node: JSONNode, in text: [UInt8]) -> WatchEvent {
        if let seq = node["seq"]?.integer { self.since = seq }
        // Ranges count from the start of the text; a message out of a batch is complete on its own.
        return .message(WatchedMessage(bytes: Array(text[node.range]), node: node))
    }

    private mutating func reconnect(_ reason: String, jitter: Double, atLeast: Duration?) -> Action {
        .reconnect(after: self.backoff.failed(jitter: jitter, atLeast: atLeast), reason: DisplayText.safe(reason))
    }
}

// MARK: - Close codes

extension WatchMachine {
    /// Whether a close code says to come back later; 44xx say not to without another token or scan.
    private static func invitesBack(_ code: Int) -> Bool {
        switch code {
        case 1000, 1001, 1005, 1006, 1011, 1012, 1013:
            true
        default:
            false
        }
    }

    /// The reason of the one close with 1000 that is not an end.
    private static let heartbeatReason = "heartbeat timeout"

    /// An end in words: the gateway's reason, or the meaning of its code if the reason is not for a person.
    private static func words(for code: Int, reason: String) -> String {
        if reason == self.heartbeatReason { return "the gateway heard nothing from here for too long" }
        return reason.isEmpty || reason.hasPrefix("{") ? self.meaning(of: code) : reason
    }

    /// The meaning of a close code (RFC 6455 section 7.4.1; 44xx are the gateway's own).
    private static func meaning(of code: Int) -> String {
        switch code {
        case 1001:
            "the gateway is going down"
        case 1002, 1003, 1007:
            "the gateway could not read what came from here"
        case 1008:
            "too many requests of this client"
        case 1009:
            "a message was too large"
        case 1011:
            "something went wrong in the gateway"
        case 1012:
            "the gateway is starting again"
        case 1013:
            "the gateway is busy"
        case 4401:
            "the token has expired or was revoked"
        case 4403:
            "the token may not read this scan"
        case 4404:
            "there is no such scan"
        case 4429:
            "too many connections of this user"
        default:
            "the connection was closed without a reason"
        }
    }

    /// How long a draining gateway asks to stay away: `{"retryAfterMs":1200}`.
    private static func retryDelay(in reason: String) -> Duration? {
        (try? JSONReader.read(Array(reason.utf8)))?["retryAfterMs"]?.integer
            .flatMap {
                $0 >= 0 ? .milliseconds(min($0, 300_000)) : nil
            }
    }

    /// RFC 3986 section 2.1: bytes other than unreserved characters become `%XX`.
    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if byte < 0x80, scalar.properties.isAlphabetic || (0x30...0x39).contains(byte) || "-._~".utf8.contains(byte)
            {
                result.unicodeScalars.append(scalar)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}

/// One message as it came, taken out of its batch.
package struct WatchedMessage: Sendable {
    /// The JSON text, byte for byte.
    package let bytes: [UInt8]

    let node: JSONNode

    /// The message's `type`.
    package var type: String { self.node["type"]?.string ?? "" }

    /// The message's number; the gateway's own messages have none.
    package var seq: Int? { self.node["seq"]?.integer }

    /// Whether it is the gateway's own message: messages of scanners have a number.
    var isOfGateway: Bool {
        self.node["seq"] == nil && ["lag", "scanStalled", "scanResumed", "tokenExpiring", "error"].contains(self.type)
    }
}
