import NIOCore

/// Decides how a connection ends (RFC 6455 section 7): which side started it, which frames are still written, and when
/// it is cut.
///
/// After the close frame nothing more is written, but the client's frames are still read for a while. Closing at once,
/// with unread bytes of the client, would make the system reset the connection, and the client would lose the close
/// frame.
struct WebSocketCloseMachine {
    enum Action: Equatable {
        case doNothing
        /// Write this close frame and read on, for the client's.
        case sendClose(code: WebSocketCloseCode?, reason: String)
        /// Write this close frame, and end the output behind it.
        case sendCloseAndFinish(code: WebSocketCloseCode?, reason: String)
        /// End the output.
        case finish
        /// End the connection as it is.
        case cut
    }

    private enum State {
        case open
        /// Our close frame was first; the client's is awaited.
        case closeSent(WebSocketClosure, deadline: NIODeadline)
        /// Both close frames were sent; the client should end the connection.
        case finishing(WebSocketClosure, deadline: NIODeadline)
        case ended
    }

    private let closeTimeout: TimeAmount
    private var state = State.open

    init(closeTimeout: TimeAmount) {
        self.closeTimeout = closeTimeout
    }

    /// Whether frames may be written, and messages are delivered.
    var isOpen: Bool {
        if case .open = self.state { return true }
        return false
    }

    /// This end wants to close.
    mutating func closeWanted(code: WebSocketCloseCode, reason: String, now: NIODeadline) -> Action {
        switch self.state {
        case .open:
            let closure = WebSocketClosure(code: code, reason: reason, origin: .gateway)
            self.state = .closeSent(closure, deadline: now + self.closeTimeout)
            return .sendClose(code: code, reason: reason)
        case .closeSent, .finishing, .ended:
            return .doNothing
        }
    }

    /// The client's close frame arrived.
    ///
    /// Its code is echoed (section 5.5.1).
    mutating func receivedClose(code: WebSocketCloseCode?, reason: String, now: NIODeadline) -> Action {
        switch self.state {
        case .open:
            let closure = WebSocketClosure(code: code ?? .noStatus, reason: reason, origin: .client)
            self.state = .finishing(closure, deadline: now + self.closeTimeout)
            return .sendCloseAndFinish(code: code, reason: "")
        case .closeSent(let closure, let deadline):
            self.state = .finishing(closure, deadline: deadline)
            return .finish
        case .finishing, .ended:
            return .doNothing
        }
    }

    /// The client broke a rule (section 7.1.7): whatever it sends from now on cannot be understood.
    mutating func failed(_ fault: WebSocketFault, now: NIODeadline) -> Action {
        switch self.state {
        case .open:
            let closure = WebSocketClosure(code: fault.code, reason: fault.reason, origin: .gateway)
            self.state = .finishing(closure, deadline: now + self.closeTimeout)
            return .sendCloseAndFinish(code: fault.code, reason: fault.reason)
        case .closeSent(let closure, let deadline):
            self.state = .finishing(closure, deadline: deadline)
            return .finish
        case .finishing, .ended:
            return .doNothing
        }
    }

    /// Some time has passed.
    func tick(now: NIODeadline) -> Action {
        switch self.state {
        case .closeSent(_, let deadline), .finishing(_, let deadline):
            return now >= deadline ? .cut : .doNothing
        case .open, .ended:
            return .doNothing
        }
    }

    /// The connection is over.
    ///
    /// - Returns: How it ended; nil if that was told before.
    mutating func connectionEnded() -> WebSocketClosure? {
        defer { self.state = .ended }
        switch self.state {
        case .open:
            return .lost
        case .closeSent(let closure, _), .finishing(let closure, _):
            return closure
        case .ended:
            return nil
        }
    }
}
