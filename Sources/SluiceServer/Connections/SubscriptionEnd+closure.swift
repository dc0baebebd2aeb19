internal import SluiceHTTP
internal import SluiceRelay

extension SubscriptionEnd {
    /// How a socket of one scan is closed, and what a socket of many is told.
    var closure: (code: WebSocketCloseCode, reason: String) {
        switch self {
        case .scanCompleted: (.normal, "scan completed")
        case .scanIdle: (.normal, "scan idle")
        case .scanDeleted: (.normal, "scan deleted")
        case .scanNotFound: (.scanNotFound, "no such scan")
        case .storageUnavailable: (.tryAgainLater, "storage unavailable")
        }
    }
}
