import SluiceBase

/// When a token expires, by its own claim: nothing of it is verified here (RFC 7519 section 4.1.4).
enum TokenExpiry {
    /// A token that holds longer than this, in seconds, is not spoken of: few scans take a day.
    private static let spokenOfSeconds = 86_400.0

    /// The time of a JWT's end, in seconds since 1970; nothing of an ingest key, and of a token without an end.
    static func time(of token: String) -> Double? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let payload = Base64URL.decode(parts[1].utf8),
            let claims = try? JSONReader.read(payload)
        else { return nil }
        return claims["exp"]?.number
    }

    /// A warning for the start of something that may outlive its token.
    ///
    /// - Parameters:
    ///   - token: The token.
    ///   - isRenewable: Whether another may take its place, so that its end is no matter.
    ///   - now: The time, in seconds since 1970.
    /// - Returns: A sentence; nothing if the token has time enough, or does not say when it ends.
    static func warning(of token: String, isRenewable: Bool, now: Double) -> String? {
        guard let end = self.time(of: token) else { return nil }
        let left = end - now
        if left <= 0 {
            return "the token expired \(self.words(for: -left)) ago by this machine's clock: what is posted is refused"
                + (isRenewable ? " until its file holds another" : "")
        }
        guard left < self.spokenOfSeconds, !isRenewable else { return nil }
        return "the token expires in \(self.words(for: left)), and what is posted later is refused"
            + " (--token-file names a file that is read again when it changes)"
    }

    private static func words(for seconds: Double) -> String {
        let whole = Int(clamping: seconds.rounded(.down))
        switch whole {
        case ..<120:
            return "\(whole) s"
        case ..<7200:
            return "\(whole / 60) min"
        case ..<172_800:
            return "\(whole / 3600) h"
        default:
            return "\(whole / 86_400) days"
        }
    }
}

extension GatewayConnection {
    /// When the token ends, as a line for standard error: said while there is time to give another.
    ///
    /// - Parameter now: The time, in seconds since 1970.
    /// - Returns: Nil if there is no token, or it has time enough.
    func expiryWarning(now: Double) -> String? {
        self.credential.current
            .flatMap { TokenExpiry.warning(of: $0, isRenewable: self.credential.isRenewable, now: now) }
            .map { "warning: \($0)" }
    }
}
