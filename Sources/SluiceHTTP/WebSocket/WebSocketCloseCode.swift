/// A status code of a WebSocket close (RFC 6455 section 7.4); from 4000 on they are the application's own.
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// The purpose of the connection is fulfilled.
    package static let normal = Self(rawValue: 1000)
    /// The endpoint goes away: a server that stops, a page that is left.
    package static let goingAway = Self(rawValue: 1001)
    /// The peer broke the protocol.
    package static let protocolError = Self(rawValue: 1002)
    /// The peer sent a kind of data that is not taken here.
    package static let unsupportedData = Self(rawValue: 1003)
    /// Never sent: the close frame had no code.
    package static let noStatus = Self(rawValue: 1005)
    /// Never sent: the connection ended without a close frame.
    package static let abnormal = Self(rawValue: 1006)
    /// A text is not UTF-8, or a payload does not match its announced type.
    package static let invalidPayload = Self(rawValue: 1007)
    /// The peer does not keep to this endpoint's terms.
    package static let policyViolation = Self(rawValue: 1008)
    /// A message is larger than this endpoint takes.
    package static let messageTooBig = Self(rawValue: 1009)
    /// The endpoint failed.
    package static let internalError = Self(rawValue: 1011)
    /// Come back later.
    package static let tryAgainLater = Self(rawValue: 1013)
    /// Whether it may be in a close frame (RFC 6455 section 7.4.2, IANA's registry of close codes).
    package var isSendable: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    package var description: String { String(self.rawValue) }
}
