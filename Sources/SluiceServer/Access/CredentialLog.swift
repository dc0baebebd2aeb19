internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import Synchronization

/// Tells the operator why credentials were refused, which the client is not told.
///
/// A few lines for each address, and never the credential.
final class CredentialLog: Sendable {
    private let failures = Mutex(FailureLog())
    /// One a minute for each address.
    private let warnings = RateLimiter<AddressKey>(limit: RateLimit(rate: 1.0 / 60, burst: 1), maximumCount: 1000)
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// A credential was refused.
    ///
    /// - Parameters:
    ///   - reason: The fault found.
    ///   - credential: The kind of credential.
    ///   - claim: The claim of a wrong type, if that is why.
    ///   - client: The client that showed it, as far as proxies can be believed.
    ///   - peer: The other end of the connection, by its socket.
    ///   - request: The id of the request; nil for a WebSocket action.
    ///   - now: The loop's time.
    func refused(
        _ reason: String,
        _ credential: String,
        claim: (name: String, fault: String)? = nil,
        client: IPAddress?,
        peer: String,
        request: String? = nil,
        now: NIODeadline
    ) {
        let answer = self.failures.withLock { $0.failed(client.map { AddressKey($0) }, now: now.uptimeNanoseconds) }
        var metadata: Logger.Metadata = [
            "reason": "\(reason)", "credential": "\(credential)", "address": "\(client?.description ?? peer)",
        ]
        if let client, IPAddress(peer) != client {
            metadata["peer"] = "\(peer)"
        }
        if let request {
            metadata["request"] = "\(request)"
        }
        if let claim {
            // The issuer's mistake, which only the operator can find: such a token bears a good signature.
            metadata["claim"] = "\(claim.name)"
            metadata["fault"] = "\(claim.fault)"
        }
        guard case .told(let untoldCount) = answer else {
            self.logger.debug("credential refused", metadata: metadata)
            return
        }
        if untoldCount > 0 {
            metadata["untold"] = .stringConvertible(untoldCount)
        }
        self.logger.info("credential refused", metadata: metadata)
    }

    /// An address showed so many that it must wait.
    func slowed(_ client: IPAddress, now: NIODeadline) {
        if self.warnings.take(for: AddressKey(client), now: now.uptimeNanoseconds) == .taken {
            self.logger.warning("many invalid tokens from one address", metadata: ["address": "\(client)"])
        }
    }
}
