import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
package import NIOSSL
import Synchronization

/// The gateway's addresses, the credential, and the certificates trusted for it.
///
/// Several addresses are of gateways that are one: what does not go on at one goes on at the next.
package struct GatewayConnection: Sendable {
    /// The value of `User-Agent`.
    static let userAgent = "sluice"
    /// The trace that this process is a part of, as who started it says (`traceparent` of W3C Trace Context); nil for none.
    private static let traceParent = ProcessInfo.processInfo.environment["TRACEPARENT"]
        .flatMap { text in
            text.utf8.count == 55 && text.utf8.allSatisfy { "0123456789abcdef-".utf8.contains($0) } ? text : nil
        }

    /// Which of the addresses is used now, for all who have the connection.
    private final class Place: Sendable {
        let index = Mutex(0)
    }

    /// At least one.
    let addresses: [GatewayAddress]
    private let place = Place()
    /// The one that is used now.
    package var address: GatewayAddress { self.addresses[self.place.index.withLock { $0 }] }

    /// The token or ingest key, if there is one: goes into a header, never into a URL or a log.
    let credential: Credential

    /// How the gateway's certificate is judged.
    package let tls: TLSConfiguration

    /// Reads and checks a user's input.
    ///
    /// - Parameters:
    ///   - urls: `https://host:port`, or `http://` without TLS; a path in front of the gateway's is kept. At least one.
    ///   - token: A JWT or an ingest key.
    ///   - tokenFile: A file that holds one instead, and is read again when it changes.
    ///   - certificateAuthorityFile: A PEM file of the only certificates to trust, instead of the system's.
    ///   - skipsVerification: Takes any certificate: a machine in between can then read the token.
    /// - Throws: ``ClientError`` for the first value that cannot be used.
    package init(
        urls: [String],
        token: String? = nil,
        tokenFile: String? = nil,
        certificateAuthorityFile: String? = nil,
        skipsVerification: Bool = false
    ) throws(ClientError) {
        var addresses: [GatewayAddress] = []
        for url in urls { addresses.append(try GatewayAddress(url)) }
        precondition(!addresses.isEmpty, "a connection goes somewhere")
        self.addresses = addresses
        if let tokenFile {
            self.credential = try Credential(file: tokenFile)
        } else {
            self.credential = try Credential(token: token)
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let file = certificateAuthorityFile {
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(file), !certificates.isEmpty else {
                throw ClientError(.unusableCertificates, "No certificate could be read from \(file).")
            }
            tls.trustRoots = .certificates(certificates)
        }
        if skipsVerification {
            tls.certificateVerification = .none
        }
        self.tls = tls
    }

    /// A connection to one gateway; see ``init(urls:token:tokenFile:certificateAuthorityFile:skipsVerification:)``.
    package init(
        url: String,
        token: String? = nil,
        tokenFile: String? = nil,
        certificateAuthorityFile: String? = nil,
        skipsVerification: Bool = false
    ) throws(ClientError) {
        try self.init(
            urls: [url],
            token: token,
            tokenFile: tokenFile,
            certificateAuthorityFile: certificateAuthorityFile,
            skipsVerification: skipsVerification
        )
    }

    /// The gateway at an address is away, or has no time: from now on the next one is asked, if there are several.
    func goOn(from address: GatewayAddress) {
        self.place.index.withLock { index in
            if self.addresses[index] == address {
                index = (index + 1) % self.addresses.count
            }
        }
    }

    /// Whether the token would cross a network in the clear.
    package var exposesToken: Bool {
        self.credential.current != nil && self.addresses.contains { !$0.isSecure && !$0.isLoopback }
    }
}

extension GatewayConnection {
    /// The headers that every request to the gateway bears.
    ///
    /// - Parameter token: The credential's current token, which a refusal is then about.
    /// - Returns: The headers.
    func headers(token: String?) -> HTTPHeaders {
        var headers = HTTPHeaders([("User-Agent", Self.userAgent)])
        if let traceParent = Self.traceParent { headers.add(name: "traceparent", value: traceParent) }
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        return headers
    }

    /// How requests to the gateway are made: HTTP/1.1, no detours, and no tries but our own.
    func httpConfiguration(connectTimeout: TimeAmount) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: self.tls,
            // A redirection would take the token to wherever it points.
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: connectTimeout, read: nil)
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}

extension GatewayProblem {
    /// Reads a refusal.
    init(_ response: HTTPClientResponse, body: [UInt8]) {
        self.init(
            status: Int(response.status.code),
            retryAfter: response.headers.first(name: "Retry-After"),
            body: body
        )
    }
}

extension HTTPClientResponse {
    /// The body's first `limit` bytes.
    func collected(upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await part in self.body {
            bytes.append(contentsOf: part.readableBytesView.prefix(limit - bytes.count))
            if bytes.count >= limit { break }
        }
        return bytes
    }
}

/// How long to wait before the next try: twice as long after each failure, and never in step with other clients.
struct Backoff: Sendable {
    private let base: Duration
    private let maximum: Duration
    private(set) var failureCount = 0

    /// A backoff without a failure.
    ///
    /// - Parameters:
    ///   - base: The wait after the first failure, before jitter.
    ///   - maximum: No wait is longer than this, except one that the gateway asks for.
    init(base: Duration, maximum: Duration) {
        self.base = base
        self.maximum = maximum
    }

    /// Something worked: the next failure is a first one.
    mutating func succeeded() {
        self.failureCount = 0
    }

    /// Something failed: how long to wait.
    ///
    /// - Parameters:
    ///   - jitter: A random number from 0 to 1; the wait is between half and the whole of its length.
    ///   - atLeast: The wait that the gateway asks for; the jitter is then added to it.
    /// - Returns: The wait.
    mutating func failed(jitter: Double, atLeast: Duration? = nil) -> Duration {
        let doubled = min(self.base * (1 << min(self.failureCount, 16)), self.maximum)
        self.failureCount += 1
        if let atLeast { return atLeast + self.base * jitter }
        return doubled * (0.5 + 0.5 * min(max(jitter, 0), 1))
    }
}
