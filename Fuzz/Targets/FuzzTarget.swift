/// A part that strangers' bytes reach, and how they reach it.
///
/// A target does with the bytes what the gateway would do, and throws where something that has to hold does not. A crash
/// is found by whoever runs it.
enum FuzzTarget: String, CaseIterable {
    /// The check of what producers post, as one document and as a line.
    case messages
    /// NDJSON taken apart into lines.
    case lines
    /// A client's WebSocket bytes, inflated where that was agreed on.
    case websocket
    /// The header of the WebSocket's extensions.
    case extensions
    /// A token's compact form.
    case token
    /// A token's claims, as if its signature held.
    case claims
    /// A set of keys as its issuer serves it.
    case keys
    /// Everything that a connection sends, through the HTTP side as a whole.
    case http
    /// The answer of a server behind a route.
    case answer
    /// A request's target, and what its query asks for.
    case target
    /// The header fields that proxies add.
    case forwarded
    /// The configuration's file.
    case configuration
    /// A text frame of a client.
    case action
    /// A frame of a gateway as `sluice watch` takes it, to the line in the terminal.
    case terminal
    /// What a reader asks for, on its way to the relay: a query, where to go on, a frame.
    case reader
    /// What a scanner writes, in every format.
    case scanner

    /// Does with the bytes what the gateway would do.
    ///
    /// - Throws: ``BrokenPromise`` if something does not hold.
    func run(_ bytes: [UInt8]) throws(BrokenPromise) {
        switch self {
        case .messages: try Self.runMessages(bytes)
        case .lines: try Self.runLines(bytes)
        case .websocket: try Self.runWebSocket(bytes)
        case .extensions: try Self.runExtensions(bytes)
        case .token: try Self.runToken(bytes)
        case .claims: try Self.runClaims(bytes)
        case .keys: try Self.runKeys(bytes)
        case .http: try Self.runHTTP(bytes)
        case .answer: try Self.runAnswer(bytes)
        case .target: try Self.runTarget(bytes)
        case .forwarded: try Self.runForwarded(bytes)
        case .configuration: try Self.runConfiguration(bytes)
        case .action: try Self.runAction(bytes)
        case .terminal: try Self.runTerminal(bytes)
        case .reader: try Self.runReader(bytes)
        case .scanner: try Self.runScanner(bytes)
        }
    }

    /// Fails unless something holds.
    static func promise(_ holds: Bool, _ what: String) throws(BrokenPromise) {
        guard holds else {
            throw BrokenPromise(what: what)
        }
    }
}
