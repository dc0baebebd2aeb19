import NIOCore
package import NIOSSL
package import SluiceBase

extension NATSConnection {
    package struct Settings: Sendable {
        /// At least one.
        package var servers: [ServerAddress]
        package var credentials: NATSCredentials
        /// The TLS context; needed for servers that require TLS.
        package var tls: NIOSSLContext?
        /// Whether no server is spoken to without TLS, whatever its address and its own word.
        package var isTLSRequired: Bool
        /// The name under which servers list the connection.
        package var name: String

        package init(
            servers: [ServerAddress],
            credentials: NATSCredentials = .none,
            tls: NIOSSLContext? = nil,
            isTLSRequired: Bool = false,
            name: String
        ) {
            self.servers = servers
            self.credentials = credentials
            self.tls = tls
            self.isTLSRequired = isTLSRequired
            self.name = name
        }

        func requiresTLS(_ server: ServerAddress) -> Bool { self.isTLSRequired || server.isSecure }

        /// What a server is told first: who it is, and what it understands.
        func introduction(_ info: ServerInfo, to server: ServerAddress) -> ByteBuffer {
            var json = JSONWriter()
            json.beginObject()
            json.member("verbose", false)
            json.member("pedantic", false)
            json.member("tls_required", info.wantsTLS || self.requiresTLS(server))
            json.member("name", self.name)
            json.member("lang", "swift")
            json.member("version", "1")
            json.member("protocol", 1)
            json.member("headers", true)
            json.member("no_responders", true)
            json.member("echo", true)
            switch self.credentials {
            case .none: break
            case .user(let user, let password):
                json.member("user", user)
                json.member("pass", password)
            case .token(let token, let seed):
                json.member("jwt", token)
                json.member("sig", ifPresent: info.nonce.flatMap { NATSCredentials.signature(of: $0, seed: seed) })
            }
            json.endObject()
            return json.buffer
        }
    }
}
