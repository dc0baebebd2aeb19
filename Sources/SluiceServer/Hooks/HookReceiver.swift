internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase
internal import SluiceRelay

/// One receiver of events, with its secrets.
struct HookReceiver: Sendable {
    let url: String
    let events: Set<ScanEvent.Kind>
    /// For the log: an address may hold a secret in its path.
    let name: String
    private let secret: HookSecret

    /// Reads the receivers' secrets.
    ///
    /// - Throws: The fault of one, in words for the operator.
    static func load(_ hooks: [GatewayConfiguration.Hook]) throws(KeyLoader.Failure) -> [HookReceiver] {
        var receivers: [HookReceiver] = []
        for hook in hooks {
            do throws(ConfigurationProblem) {
                let content = try FileContent(path: hook.secretFile, limit: FileContent.maximumKeyBytes)
                receivers.append(HookReceiver(hook, secret: try HookSecret(content.bytes)))
            } catch {
                throw KeyLoader.Failure(description: "hooks: \(hook.secretFile) \(error.message)")
            }
        }
        return receivers
    }

    private init(_ hook: GatewayConfiguration.Hook, secret: HookSecret) {
        self.url = hook.url
        self.events = Set(hook.events)
        self.secret = secret
        // Up to the path, the query or the fragment, which may be secrets.
        let open = hook.url.prefix { $0 != "?" && $0 != "#" }
        let authority = open.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3)
        self.name = authority.joined(separator: "/")
    }

    /// The request of one attempt.
    func request(_ delivery: HookDelivery, at time: WallTime) throws -> HTTPClient.Request {
        let timestamp = Int(time.milliseconds / 1000)
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: "application/json")
        headers.add(name: "User-Agent", value: "sluice/\(Release.version)")
        headers.add(name: "webhook-id", value: delivery.id)
        headers.add(name: "webhook-timestamp", value: "\(timestamp)")
        headers.add(
            name: "webhook-signature",
            value: self.secret.signature(id: delivery.id, timestamp: timestamp, body: delivery.body)
        )
        return try HTTPClient.Request(
            url: delivery.url,
            method: .POST,
            headers: headers,
            body: .byteBuffer(ByteBuffer(bytes: delivery.body))
        )
    }
}

extension HookSchedule.Outcome {
    /// The meaning of a receiver's answer.
    init(_ head: HTTPResponseHead) {
        switch head.status.code {
        case 200..<300:
            self = .delivered
        case 410:
            self = .gone
        case 408, 425, 429, 500...:
            let seconds = head.headers.first(name: "Retry-After").flatMap { Int64($0) } ?? 0
            self = .failed(retryAfter: seconds > 0 ? .seconds(min(seconds, 86_400)) : nil)
        default:
            // A redirect, too: it is not followed.
            self = .refused
        }
    }
}

extension ScanEvent {
    /// The body of a delivery.
    func body(at time: WallTime) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("type", self.kind.rawValue)
        writer.member("timestamp", LogTime(milliseconds: Int(time.milliseconds)).description)
        writer.name("data")
        writer.beginObject()
        writer.member("scanId", self.scanID.text)
        writer.member("epoch", self.epoch)
        writer.member("seq", Int(clamping: self.seq.rawValue))
        writer.member("owner", self.owner)
        writer.member("name", self.name)
        if self.kind == .failed {
            writer.member("error", self.error)
        }
        if let silentFor = self.silentFor {
            writer.member("silentFor", Int(clamping: silentFor))
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }
}
