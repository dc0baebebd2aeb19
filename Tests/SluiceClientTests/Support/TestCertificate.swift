import Foundation
import NIOSSL

/// A self-signed certificate for `localhost` and 127.0.0.1, for tests alone.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAUGgAwIBAgIUBiQjS7ZT+SfXIiF5mtvTB8RVKWMwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA2MjU1NVoYDzIxMjYxMDMw
        MDYyNTU1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARHyCrAEJugUFWmKd6TE33cPj9I7UUtHA5VelVS0N7iBC39PaLSfRIP
        FiI8l5GBE2m+Kkhd60zyASPM7xh2r/wlo28wbTAdBgNVHQ4EFgQUoANJCwGuDrCO
        DnGm06xguMAzvCowHwYDVR0jBBgwFoAUoANJCwGuDrCODnGm06xguMAzvCowDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDRwAwRAIgOXZXOl0P+i1IeZS0PNkamCcs32z7xI9k09P3rEWd6sACIFyC
        FS9E2OIj3nnwdd9ylk5d955xPN8cNsZsAW9ubc/+
        -----END CERTIFICATE-----
        """

    private static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3VLfIhT+UBFVBhjD
        kyCJX/dXHfcmB1LYymm0qwrJrjGhRANCAARHyCrAEJugUFWmKd6TE33cPj9I7UUt
        HA5VelVS0N7iBC39PaLSfRIPFiI8l5GBE2m+Kkhd60zyASPM7xh2r/wl
        -----END PRIVATE KEY-----
        """

    /// A server's side of TLS with this certificate.
    static func serverContext() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(NIOSSLCertificate(bytes: Array(self.certificate.utf8), format: .pem))],
                privateKey: .privateKey(NIOSSLPrivateKey(bytes: Array(self.privateKey.utf8), format: .pem))
            )
        )
    }

    /// Writes the certificate to a temporary file for as long as `body` runs.
    static func withFile<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).crt")
        try Data(self.certificate.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await body(file.path)
    }
}
