internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The action that a client's text frame asks for.
struct ClientAction: Equatable {
    enum Kind: Equatable {
        /// Follow a scan, or change the terms of following it.
        case subscribe(scanID: String?, SubscriptionQuery)
        case unsubscribe(scanID: String?)
        case rate(Double, scanID: String?)
        case refresh(token: String)
        case ping
    }

    /// Why a frame is not an action, and the answer to it.
    struct Fault: Error, Equatable {
        var code: String
        var message: String
        /// The frame's `id`, a JSON text.
        var id: String?
    }

    var kind: Kind
    /// The frame's `id`, a JSON text, to come back in the answer.
    var id: String?

    /// How long the frame was.
    var byteCount = 0

    /// Whether a subscription may begin with it, whose first frames the relay writes by itself.
    var mayBeginSubscription: Bool {
        if case .subscribe = self.kind { true } else { false }
    }

    /// The action's name.
    var name: String {
        switch self.kind {
        case .subscribe: "subscribe"
        case .unsubscribe: "unsubscribe"
        case .rate: "rate"
        case .refresh: "refresh"
        case .ping: "ping"
        }
    }

    private static let rules = JSONReader.Rules.strict(maximumDepth: 8, maximumMemberCount: 32)

    /// Reads a text frame.
    init(_ text: ByteBuffer) throws(Fault) {
        let object: JSONNode
        let bytes = Array(text.readableBytesView)
        do throws(JSONFault) {
            object = try JSONReader.object(bytes, Self.rules)
        } catch {
            throw Fault(code: "invalid_json", message: "a frame holds one JSON object")
        }
        // As it was written: a number may have more digits than any type of ours.
        let id = object["id"].map { String(decoding: bytes[$0.range], as: UTF8.self) }
        guard let action = object["action"]?.string else {
            throw Fault(code: "missing_action", message: "say which action", id: id)
        }
        self.id = id
        self.byteCount = bytes.count
        do throws(Problem) {
            self.kind = try Self.kind(action, object)
        } catch {
            let code = error.code == .notFound ? "unknown_action" : error.code.rawValue
            throw Fault(code: code, message: error.detail, id: id)
        }
    }

    private static func kind(_ action: String, _ object: JSONNode) throws(Problem) -> Kind {
        switch action {
        case "subscribe":
            return .subscribe(scanID: try self.scanID(object), try self.query(object))
        case "unsubscribe":
            return .unsubscribe(scanID: try self.scanID(object))
        case "rate":
            return .rate(try self.rate("messagesPerSecond", object), scanID: try self.scanID(object))
        case "refresh":
            guard let token = object["token"]?.string else {
                throw Problem(.invalidParameter, "token is a string")
            }
            return .refresh(token: token)
        case "ping":
            return .ping
        default:
            throw Problem(.notFound, "known actions are subscribe, unsubscribe, rate, refresh and ping")
        }
    }

    private static func scanID(_ object: JSONNode) throws(Problem) -> String? {
        guard let value = object.present("scanId") else {
            return nil
        }
        guard let text = value.string else {
            throw Problem(.invalidParameter, "scanId is a string")
        }
        return text
    }

    private static func query(_ object: JSONNode) throws(Problem) -> SubscriptionQuery {
        var query = SubscriptionQuery()
        if let since = object.present("since") {
            guard let number = since.double, let seq = Seq(exactly: number) else {
                throw QueryReader.noSeq("since")
            }
            query.since = seq
        }
        if let epoch = object.present("epoch") {
            guard let text = epoch.string else {
                throw Problem(.invalidParameter, "epoch is a string")
            }
            query.epoch = try SubscriptionQuery.checkedEpoch(text)
        }
        if let filters = object.present("filters") {
            guard let types = filters.strings else {
                throw Problem(.invalidParameter, "filters is an array of strings, or null")
            }
            query.filter = try QueryReader.filter(types)
        }
        if object.present("rate") != nil {
            query.framesPerSecond = try self.rate("rate", object)
        }
        if let wait = object.present("wait") {
            guard let seconds = wait.double else {
                throw Problem(.invalidParameter, "wait is a number of seconds")
            }
            query.wait = try SubscriptionQuery.checkedWait(seconds)
        }
        return query
    }

    private static func rate(_ name: String, _ object: JSONNode) throws(Problem) -> Double {
        guard let rate = object[name]?.double, rate.isFinite, rate >= SubscriptionQuery.minimumRate else {
            throw Problem(.invalidParameter, "\(name) is a number of at least \(SubscriptionQuery.minimumRate)")
        }
        return rate
    }
}
