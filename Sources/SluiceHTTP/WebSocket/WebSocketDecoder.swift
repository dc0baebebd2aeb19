import NIOCore
import SluiceWire

/// Turns a client's bytes into messages, control frames and, if it breaks a rule, one fault (RFC 6455, RFC 7692).
///
/// Pure except for the inflater that it owns: it knows no channel and no time. Every length is judged before memory is
/// taken for it, and memory grows with the bytes that arrive, not with announced lengths.
struct WebSocketDecoder: ~Copyable {
    private enum State {
        /// A frame begins here.
        case betweenFrames
        /// Within a control frame, which is taken when all of it is there: it is short.
        case inControlFrame(ClientFrame)
        /// Within the payload of a frame of the message under way.
        case inPayload(ClientFrame, taken: Int)
        /// After the client's close frame or its fault: whatever comes is passed over.
        case ended
    }

    /// How many whole frames of any kind there were: signs of life.
    private(set) var frameCount: UInt64 = 0
    /// How many of them were control frames.
    private(set) var controlFrameCount: UInt64 = 0

    private let limits: WebSocketConfiguration
    private let deflate: PermessageDeflateAgreement?
    private var state = State.betweenFrames
    private var input = ByteBuffer()
    private var message: ClientMessage?
    /// Made on first use, since most clients never send a compressed message.
    private var inflater: InflateStream?

    /// A decoder for one connection.
    ///
    /// - Parameters:
    ///   - limits: How large messages may be, and in how many fragments.
    ///   - deflate: The agreement about compression.
    init(limits: WebSocketConfiguration, deflate: PermessageDeflateAgreement?) {
        self.limits = limits
        self.deflate = deflate
    }

    /// Takes bytes as they came from the socket.
    ///
    /// Call `next` for all events in them.
    mutating func append(_ bytes: ByteBuffer) {
        if case .ended = self.state { return }
        if self.input.readableBytes == 0 {
            self.input = bytes
        } else {
            self.input.writeImmutableBuffer(bytes)
        }
    }

    /// The next event in the bytes so far.
    ///
    /// - Returns: Nil if more bytes are needed, or if no event can follow.
    mutating func next() -> WebSocketEvent? {
        do throws(WebSocketFault) {
            while true {
                switch try self.step() {
                case .goOn:
                    continue
                case .needMore:
                    self.keepRest()
                    return nil
                case .event(let event):
                    return event
                }
            }
        } catch {
            self.end()
            return .failed(error)
        }
    }

    private enum Step {
        case goOn
        case needMore
        case event(WebSocketEvent)
    }

    private mutating func step() throws(WebSocketFault) -> Step {
        switch self.state {
        case .ended:
            return .needMore
        case .betweenFrames:
            return try self.beginFrame()
        case .inControlFrame(let frame):
            return try self.takeControlFrame(frame)
        case .inPayload(let frame, let taken):
            return try self.takePayload(of: frame, taken: taken)
        }
    }

    private mutating func beginFrame() throws(WebSocketFault) -> Step {
        guard let frame = try ClientFrame.read(from: &self.input, allowsCompression: self.deflate != nil) else {
            return .needMore
        }
        if frame.opcode.isControl {
            self.state = .inControlFrame(frame)
            return .goOn
        }
        if frame.opcode == .continuation {
            guard self.message != nil else { throw .protocolError("continuation of nothing") }
        } else {
            guard self.message == nil else { throw .protocolError("message within a message") }
            self.beginMessage(frame)
        }
        try self.message?.beginFragment(payloadBytes: frame.payloadBytes, limits: self.limits)
        self.state = .inPayload(frame, taken: 0)
        return .goOn
    }

    private mutating func beginMessage(_ frame: ClientFrame) {
        self.message = ClientMessage(isText: frame.opcode == .text, isCompressed: frame.isCompressed)
        if frame.isCompressed, self.inflater == nil, let deflate = self.deflate {
            self.inflater = InflateStream(windowBits: deflate.clientWindowBits)
        }
    }

    private mutating func takePayload(of frame: ClientFrame, taken: Int) throws(WebSocketFault) -> Step {
        let count = min(self.input.readableBytes, frame.payloadBytes - taken)
        if count > 0 {
            try self.message?
                .append(
                    &self.input,
                    count: count,
                    key: frame.maskingKey,
                    phase: taken,
                    inflater: self.inflater,
                    limits: self.limits
                )
        }
        guard taken + count == frame.payloadBytes else {
            self.state = .inPayload(frame, taken: taken + count)
            return .needMore
        }
        self.frameCount += 1
        self.state = .betweenFrames
        return frame.isFinal ? try self.endMessage() : .goOn
    }

    private mutating func endMessage() throws(WebSocketFault) -> Step {
        guard var message = self.message.take() else {
            preconditionFailure("the last frame of a message comes within one")
        }
        try message.end(inflater: self.inflater, limits: self.limits)
        if self.deflate?.clientNoContextTakeover == true {
            self.inflater = nil
        }
        return .event(message.isText ? .text(message.payload) : .binary(message.payload))
    }

    private mutating func takeControlFrame(_ frame: ClientFrame) throws(WebSocketFault) -> Step {
        guard self.input.readableBytes >= frame.payloadBytes else { return .needMore }
        var payload = ByteBuffer()
        payload.writeUnmasked(from: &self.input, count: frame.payloadBytes, key: frame.maskingKey, phase: 0)
        self.frameCount += 1
        self.controlFrameCount += 1
        self.state = .betweenFrames
        switch frame.opcode {
        case .ping:
            return .event(.ping(payload))
        case .pong:
            return .event(.pong(payload))
        case .close:
            let event = try self.closeEvent(&payload)
            self.end()
            return .event(event)
        case .continuation, .text, .binary:
            preconditionFailure("data frames are taken elsewhere")
        }
    }

    /// Judges the payload of a close frame (RFC 6455 section 5.5.1).
    private func closeEvent(_ payload: inout ByteBuffer) throws(WebSocketFault) -> WebSocketEvent {
        guard payload.readableBytes > 0 else { return .close(code: nil, reason: "") }
        guard let number = payload.readInteger(as: UInt16.self) else {
            throw .protocolError("close frame has half a code")
        }
        let code = WebSocketCloseCode(rawValue: number)
        guard code.isSendable else { throw .protocolError("close code is not for sending") }
        var validator = UTF8Validator()
        guard validator.append(payload.readableBytesUInt8Span), validator.isComplete else {
            throw .invalidPayload("close reason is not UTF-8")
        }
        return .close(code: code, reason: String(buffer: payload))
    }

    /// Keeps only the bytes that were not taken, never the large buffer around them: at most a header or a control
    /// frame.
    private mutating func keepRest() {
        self.input = self.input.readableBytes == 0 ? ByteBuffer() : ByteBuffer(bytes: self.input.readableBytesView)
    }

    private mutating func end() {
        self.state = .ended
        self.input = ByteBuffer()
        self.message = nil
        self.inflater = nil
    }
}

/// An event that a decoder found in a client's bytes.
enum WebSocketEvent: Equatable {
    /// A whole message, which is UTF-8.
    case text(ByteBuffer)
    /// A whole message.
    case binary(ByteBuffer)
    /// A ping, with the payload for the pong.
    case ping(ByteBuffer)
    case pong(ByteBuffer)
    /// The client's close frame. Nothing comes after it.
    case close(code: WebSocketCloseCode?, reason: String)
    /// The client broke a rule. Nothing comes after it.
    case failed(WebSocketFault)

    /// Whether it is for the session, not for the connection.
    var isMessage: Bool {
        switch self {
        case .text, .binary: true
        case .ping, .pong, .close, .failed: false
        }
    }
}

/// A client's fault, and the close that it gets for it.
struct WebSocketFault: Error, Equatable {
    let code: WebSocketCloseCode
    let reason: String

    static func protocolError(_ reason: String) -> Self {
        Self(code: .protocolError, reason: reason)
    }

    static func invalidPayload(_ reason: String) -> Self {
        Self(code: .invalidPayload, reason: reason)
    }

    static func tooBig(_ reason: String) -> Self {
        Self(code: .messageTooBig, reason: reason)
    }
}
