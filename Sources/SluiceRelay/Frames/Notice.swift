package import SluiceBase

/// The gateway's own frames about a scan.
package enum Notice: Sendable {
    /// The first frame of a subscription.
    case subscribed(epoch: String, seq: Seq, recovered: Bool, framesPerSecond: Double, id: String?)
    /// The end of a subscription that the subscriber asked for.
    case unsubscribed(id: String?)
    /// Messages were lost.
    case lag(LagNotice)
    /// The scanner has been silent for this many seconds.
    case stalled(silentFor: Int64)
    /// The scanner is back.
    case resumed
    /// There is no such scan.
    case scanNotFound(id: String?)

    /// The frame's type.
    package var type: String {
        switch self {
        case .subscribed: "subscribed"
        case .unsubscribed: "unsubscribed"
        case .lag: "lag"
        case .stalled: "scanStalled"
        case .resumed: "scanResumed"
        case .scanNotFound: "error"
        }
    }

    /// Whether it says that the scanner is silent; nil if it does not speak of that.
    package var saysStalled: Bool? {
        switch self {
        case .stalled: true
        case .resumed: false
        case .subscribed, .unsubscribed, .lag, .scanNotFound: nil
        }
    }

    /// The frame's text.
    ///
    /// `id` members are JSON texts already: the request's bytes, unchanged.
    package func text(scanID: ScanID) -> String {
        let scan = "\"scanId\":\"\(scanID.text)\""
        switch self {
        case .subscribed(let epoch, let seq, let recovered, let framesPerSecond, let id):
            return "{\"type\":\"subscribed\",\(scan),\"epoch\":\"\(epoch)\",\"seq\":\(seq),\"recovered\":\(recovered)"
                + ",\"rate\":\(Self.number(framesPerSecond))\(Self.member(id))}"
        case .unsubscribed(let id):
            return "{\"type\":\"unsubscribed\",\(scan)\(Self.member(id))}"
        case .lag(let notice):
            return "{\"type\":\"lag\",\"skippedMessages\":\(notice.skippedCount),\(scan),\"since\":\(notice.since)"
                + ",\"reason\":\"\(notice.reason.rawValue)\"}"
        case .stalled(let silentFor):
            return "{\"type\":\"scanStalled\",\(scan),\"silentFor\":\(silentFor)}"
        case .resumed:
            return "{\"type\":\"scanResumed\",\(scan)}"
        case .scanNotFound(let id):
            return "{\"type\":\"error\",\"message\":\"Scan channel not found\",\(scan),\"code\":\"scan_not_found\""
                + "\(Self.member(id))}"
        }
    }

    /// A frame rate as JSON: without a fraction where it has none.
    package static func number(_ framesPerSecond: Double) -> String {
        framesPerSecond == framesPerSecond.rounded() && framesPerSecond < 1e9
            ? String(Int(clamping: framesPerSecond)) : String(framesPerSecond)
    }

    private static func member(_ id: String?) -> String {
        id.map { ",\"id\":\($0)" } ?? ""
    }
}
