internal import AsyncHTTPClient
internal import SluiceBase

/// Addresses that nobody on the way can read, or answer for.
enum SecureAddress {
    /// Whether a request goes by TLS, or stays on this machine.
    static func isSecure(_ request: HTTPClient.Request) -> Bool {
        request.scheme == "https" || IPAddress.isLoopback(host: request.host.trimming(in: "[]"))
    }
}
