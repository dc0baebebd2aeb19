package import NIOHTTP1

/// Why a request does not become a WebSocket connection, and what it is answered.
package struct WebSocketRefusal: Error, Equatable {
    /// 400 or 426.
    package let status: HTTPResponseStatus
    /// What was wrong, for the body of the answer.
    package let detail: String
    /// What the answer has to have in its head.
    package let headers: HTTPHeaders

    static func malformed(_ detail: String) -> Self {
        Self(status: .badRequest, detail: detail, headers: [:])
    }

    /// RFC 9110 section 15.5.22: the answer says what to upgrade to.
    static let notAnUpgrade = Self(
        status: .upgradeRequired,
        detail: "this is a WebSocket resource",
        headers: ["Upgrade": "websocket", "Connection": "Upgrade"]
    )

    /// RFC 6455 section 4.2.2: the answer says which version is spoken here.
    static let unknownVersion = Self(
        status: .upgradeRequired,
        detail: "WebSocket version 13 is spoken here",
        headers: ["Sec-WebSocket-Version": "13", "Upgrade": "websocket", "Connection": "Upgrade"]
    )
}
