package import NIOCore
import SluiceBase

/// A server's INFO.
package struct ServerInfo: Sendable, Equatable {
    package var name: String
    package var version: String
    package var maximumPayload: Int
    package var nonce: String?
    package var hasJetStream: Bool
    package var wantsTLS: Bool
    /// Whether it speaks TLS with those who want that.
    package var offersTLS: Bool
    /// Whether the server is about to shut down.
    package var isLeaving: Bool

    /// - Parameter json: The JSON of the INFO line; the result is nil where it is none.
    package init?(_ json: ByteBuffer) {
        guard let node = try? JSONReader.read(Array(json.readableBytesView)), node.isObject,
            let version = node["version"]?.string
        else {
            return nil
        }
        self.version = version
        self.name = node["server_name"]?.string ?? ""
        self.maximumPayload = node["max_payload"]?.integer ?? 0
        self.nonce = node["nonce"]?.string
        self.hasJetStream = node["jetstream"]?.value == .bool(true)
        self.wantsTLS = node["tls_required"]?.value == .bool(true)
        self.offersTLS = self.wantsTLS || node["tls_available"]?.value == .bool(true)
        self.isLeaving = node["ldm"]?.value == .bool(true)
    }

    /// Whether it is spoken to by TLS; nil where that is required and it does not offer any.
    ///
    /// What it says came in clear, perhaps from somebody in between: where TLS is required, nothing is said without it.
    package func speaksTLS(isRequired: Bool) -> Bool? {
        guard isRequired || self.wantsTLS else {
            return false
        }
        return self.offersTLS ? true : nil
    }

    /// Whether the server has at least this version; false where its version cannot be read.
    package func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
        let numbers = self.version.split(separator: ".").prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else {
            return false
        }
        return (numbers[0], numbers[1]) >= (major, minor)
    }
}
