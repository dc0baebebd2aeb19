internal import NIOCore
internal import NIOHTTP2

/// Stands between TLS and NIO's parser of HTTP/2, and looks at the heads of all frames on their way.
///
/// What `HTTP2AbuseMachine` refuses never reaches the parser. Besides, it parts what NIO has in one: a limit that NIO
/// announces it also enforces, by ending the connection. Here NIO gets wider limits and takes them as acknowledged at
/// once; the client is told narrower ones, beyond which a request is refused on its own stream. The client's own
/// acknowledgement, which NIO would not expect then, is left out.
final class HTTP2Gate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = ByteBuffer

    private static let acknowledgement = ByteBuffer(bytes: [0, 0, 0, 4, 1, 0, 0, 0, 0])

    private let limits: HTTPLimits
    private let router: any RequestRouter
    /// What the client is told of limits, as a frame.
    private let settings: ByteBuffer
    private var owner: HTTP2ConnectionHandler?
    private var context: ChannelHandlerContext?

    private var scanner = HTTP2FrameScanner()
    private var machine = HTTP2AbuseMachine()
    /// The head whose payload is on its way.
    private var head: HTTP2FrameHead?
    /// The beginning of a head.
    private var held = ByteBuffer()
    private var isAcknowledged = false
    /// Whether NIO is at work on what it was given.
    private var isPassing = false
    private var isAbused = false
    /// How the connection ends by NIO's judgement.
    private var failure: HTTP2ErrorCode?
    private(set) var isEnded = false
    private var discardedByteCount = 0
    private var cutTimer: Scheduled<Void>?
    /// The highest stream whose request was taken; of higher ones nothing came (RFC 9113, section 6.8).
    var highestStreamID = 0

    private var hasSentSettings = false
    private var isFlushDue = false
    /// How many bytes of the frame that is being written are still to come.
    private var unwrittenByteCount = 0
    /// How many bytes were written to the connection.
    private(set) var writtenByteCount = 0

    init(options: HTTP2Options, limits: HTTPLimits, router: any RequestRouter) {
        self.limits = limits
        self.router = router
        self.settings = Self.frame(of: Self.announced(options, limits))
    }

    /// Ties the gate to the connection's handler.
    func attach(to owner: HTTP2ConnectionHandler) {
        self.owner = owner
    }

    /// Whether a request's head has begun and is not complete.
    var isWithinHeaderBlock: Bool { self.machine.isWithinHeaderBlock }

    /// How many heads have begun.
    var headerBlockCount: Int { self.machine.headerBlockCount }

    // MARK: Settings

    /// What the client is told.
    private static func announced(_ options: HTTP2Options, _ limits: HTTPLimits) -> HTTP2Settings {
        var settings: HTTP2Settings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: options.maximumStreamCount),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.maximumHeadBytes),
        ]
        if options.allowsWebSocket {
            settings.append(HTTP2Setting(parameter: .enableConnectProtocol, value: 1))
        }
        return settings
    }

    /// The longest list of fields that is unpacked: a longer one is not told from a block that is broken.
    private static let maximumUnpackedBytes = 1024 * 1024

    /// What NIO enforces: more streams than this handler's owner admits, and lists so long that they are abuse.
    static func enforced(_ options: HTTP2Options) -> HTTP2Settings {
        var settings: HTTP2Settings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Int(Int32.max)),
            HTTP2Setting(parameter: .maxHeaderListSize, value: Self.maximumUnpackedBytes),
        ]
        if options.allowsWebSocket {
            settings.append(HTTP2Setting(parameter: .enableConnectProtocol, value: 1))
        }
        return settings
    }

    /// RFC 9113, section 6.5.1.
    private static func frame(of settings: HTTP2Settings) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeBytes([0, 0, UInt8(settings.count * 6), HTTP2FrameHead.Kind.settings.rawValue, 0, 0, 0, 0, 0])
        for setting in settings {
            frame.writeInteger(setting.parameter.number)
            frame.writeInteger(UInt32(setting.value))
        }
        return frame
    }

    // MARK: The way in

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.owner = nil
        self.cutTimer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        guard !self.isEnded else {
            self.discard(bytes.readableBytes, context)
            return
        }
        if self.held.readableBytes > 0 {
            self.held.writeBuffer(&bytes)
            bytes = self.held
            self.held = ByteBuffer()
        }
        self.scan(bytes, context)
    }

    private func discard(_ byteCount: Int, _ context: ChannelHandlerContext) {
        self.discardedByteCount += byteCount
        if self.discardedByteCount > self.limits.maximumLingerBytes {
            context.channel.cut()
        }
    }

    private func scan(_ all: ByteBuffer, _ context: ChannelHandlerContext) {
        var bytes = all
        var index = bytes.readerIndex
        while !self.isEnded, index < bytes.writerIndex {
            switch self.scanner.step(bytes, at: index) {
            case .incomplete:
                self.pass(&bytes, upTo: index, context)
                self.held = ByteBuffer(buffer: bytes)
                return
            case .payload(let byteCount, let isEnd):
                index += byteCount
                if isEnd {
                    self.frameEnded(&bytes, at: index, context)
                }
            case .head(let head):
                guard !self.machine.received(head, now: context.eventLoop.now) else {
                    self.endForAbuse()
                    return
                }
                if head.isSettingsAcknowledgement {
                    self.pass(&bytes, upTo: index, context)
                    bytes.moveReaderIndex(forwardBy: HTTP2FrameHead.byteCount)
                    index = bytes.readerIndex
                    continue
                }
                self.head = head
                index += HTTP2FrameHead.byteCount
                if head.payloadByteCount == 0 {
                    self.frameEnded(&bytes, at: index, context)
                }
            }
        }
        self.pass(&bytes, upTo: index, context)
    }

    private func frameEnded(_ bytes: inout ByteBuffer, at index: Int, _ context: ChannelHandlerContext) {
        guard let head = self.head.take() else { return }
        self.machine.ended(head)
        if head.kind == .settings, !self.isAcknowledged {
            self.isAcknowledged = true
            self.pass(&bytes, upTo: index, context)
            var acknowledgement = Self.acknowledgement
            self.pass(&acknowledgement, upTo: acknowledgement.writerIndex, context)
        }
    }

    /// Gives NIO bytes, and afterwards does what came of it.
    private func pass(_ bytes: inout ByteBuffer, upTo index: Int, _ context: ChannelHandlerContext) {
        guard !self.isEnded, let part = bytes.readSlice(length: index - bytes.readerIndex), part.readableBytes > 0
        else {
            return
        }
        self.isPassing = true
        context.fireChannelRead(self.wrapInboundOut(part))
        self.isPassing = false
        self.act()
    }

    private func act() {
        if self.isAbused {
            self.endForAbuse()
        } else if let failure = self.failure {
            self.end(failure)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !self.isEnded else { return }
        self.isPassing = true
        context.fireChannelReadComplete()
        self.isPassing = false
        self.act()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cutTimer?.cancel()
        guard !self.isEnded else { return }
        self.isEnded = true
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !self.isEnded {
            context.fireChannelWritabilityChanged()
        }
    }

    /// TLS alerts, resets: there is no peer left to be told.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: The way out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.isEnded, case .byteBuffer(var bytes) = self.unwrapOutboundIn(data) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if self.unwrittenByteCount > 0 {
            self.unwrittenByteCount -= bytes.readableBytes
        } else if let head = HTTP2FrameHead(bytes, at: bytes.readerIndex) {
            self.unwrittenByteCount = HTTP2FrameHead.byteCount + head.payloadByteCount - bytes.readableBytes
            guard !self.fails(head, bytes, context) else {
                promise?.succeed()
                return
            }
            if head.kind == .settings, !self.hasSentSettings {
                self.hasSentSettings = true
                bytes = self.settings
            }
        }
        self.writtenByteCount += bytes.readableBytes
        context.write(self.wrapOutboundOut(bytes), promise: promise)
    }

    /// Later in this turn of the loop: what all streams write in it leaves in one go.
    func flush(context: ChannelHandlerContext) {
        guard !self.isFlushDue else { return }
        self.isFlushDue = true
        context.eventLoop.assumeIsolated()
            .execute {
                self.isFlushDue = false
                context.flush()
            }
    }

    /// Counts a frame of the gateway's own, and holds back the one by which NIO ends the connection.
    private func fails(_ head: HTTP2FrameHead, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        let payload = bytes.readerIndex + HTTP2FrameHead.byteCount
        switch head.kind {
        case .data:
            self.machine.sentData()
            self.owner?.emitted(head, at: self.writtenByteCount)
        case .headers where head.endsStream:
            self.owner?.emitted(head, at: self.writtenByteCount)
        case .resetStream:
            let code = bytes.getInteger(at: payload, as: UInt32.self).map { HTTP2ErrorCode(networkCode: Int($0)) }
            if self.isTooMuch(code, now: context.eventLoop.now) {
                self.isAbused = true
            }
        case .goAway:
            let code = bytes.getInteger(at: payload + 4, as: UInt32.self).map { HTTP2ErrorCode(networkCode: Int($0)) }
            if let code, code != .noError {
                self.failure = code
                return true
            }
        default:
            break
        }
        return false
    }

    /// Counts a stream that the gateway itself ends early, by why it does.
    private func isTooMuch(_ code: HTTP2ErrorCode?, now: NIODeadline) -> Bool {
        switch code {
        case .noError?, .cancel?: false
        case .refusedStream?: self.machine.refusedStream(now: now)
        default: self.machine.sentReset(now: now)
        }
    }

    // MARK: The end

    /// NIO has ended the connection: so does the gate, as soon as NIO is done.
    func failed() {
        if self.failure != nil, !self.isPassing {
            self.act()
        }
    }

    /// A stream was sent what no client needs to send.
    func abused() {
        self.isAbused = true
        if !self.isPassing {
            self.act()
        }
    }

    private func endForAbuse() {
        guard !self.isEnded else { return }
        self.router.connectionAbused()
        self.end(.enhanceYourCalm)
    }

    /// Ends the connection and all its streams: tells the client which streams were begun, and reads on for a while, so
    /// that its own unread bytes do not reset the connection before it has read that.
    func end(_ code: HTTP2ErrorCode) {
        guard !self.isEnded, let context = self.context else { return }
        self.isEnded = true
        var goAway = ByteBuffer()
        goAway.writeBytes([0, 0, 8, HTTP2FrameHead.Kind.goAway.rawValue, 0, 0, 0, 0, 0])
        goAway.writeInteger(UInt32(self.highestStreamID))
        goAway.writeInteger(UInt32(code.networkCode))
        self.held = ByteBuffer()
        context.writeAndFlush(self.wrapOutboundOut(goAway), promise: nil)
        // For all behind, this is the end.
        context.fireChannelInactive()
        context.close(mode: .output, promise: nil)
        self.cutTimer = context.eventLoop.assumeIsolated()
            .scheduleTask(in: self.limits.lingerTimeout) { context.channel.cut() }
    }
}

extension HTTP2SettingsParameter {
    /// Its number (RFC 9113, section 6.5.2; RFC 8441, section 3).
    fileprivate var number: UInt16 {
        switch self {
        case .maxConcurrentStreams: 3
        case .maxHeaderListSize: 6
        case .enableConnectProtocol: 8
        default: preconditionFailure("no other setting is announced")
        }
    }
}

@available(*, unavailable)
extension HTTP2Gate: Sendable {}
