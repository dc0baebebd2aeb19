/// One message as it came, taken out of its batch.
package struct WatchedMessage: Sendable {
    /// The JSON text, byte for byte.
    package let bytes: [UInt8]

    let node: JSONNode

    /// The message's `type`.
    package var type: String { self.node["type"]?.string ?? "" }

    /// The message's number; the gateway's own messages have none.
    package var seq: Int? { self.node["seq"]?.integer }

    /// Whether the gateway says it itself: what a scanner posted has a number.
    var isOfGateway: Bool {
        self.node["seq"] == nil && ["lag", "scanStalled", "scanResumed", "tokenExpiring", "error"].contains(self.type)
    }
}
