import NIOCore
import SluiceHTTP
import SluiceWire

/// Sends every message back, compressed where that was agreed on, however short it is.
final class EchoSession: WebSocketSession {
    /// Limits above everything that conformance suites send, and no heartbeat that would disturb their counts.
    static let connection: WebSocketConfiguration = {
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = 64 * 1024 * 1024
        configuration.maximumFragmentCount = .max
        configuration.maximumAnswerBytes = 512 * 1024 * 1024
        configuration.heartbeatInterval = .minutes(10)
        configuration.timeout = .minutes(10)
        configuration.receiveBufferBytes = 64 * 1024
        return configuration
    }()

    /// Clients keep their context, so that it is tested too.
    static let compression: PermessageDeflateConfiguration = {
        var configuration = PermessageDeflateConfiguration()
        configuration.keepsClientContext = true
        return configuration
    }()

    private let deflater: DeflateStream?
    private let flush: DeflateStream.Flush
    private var socket: WebSocketHandler?

    init(deflate: PermessageDeflateAgreement?) {
        self.deflater = deflate.map { agreement in
            DeflateStream(level: Self.compression.level, windowBits: agreement.serverWindowBits, memoryLevel: 8)
        }
        self.flush = deflate?.serverNoContextTakeover == true ? .full : .sync
    }

    func opened(_ socket: WebSocketHandler) {
        self.socket = socket
    }

    func receivedText(_ text: ByteBuffer) {
        self.echo(.text, text)
    }

    func receivedBinary(_ bytes: ByteBuffer) {
        self.echo(.binary, bytes)
    }

    func writabilityChanged(isWritable: Bool) {}

    func closing() {}

    func closed(_ closure: WebSocketClosure) {
        self.socket = nil
    }

    func tick(now: NIODeadline) {}

    private func echo(_ opcode: WebSocketFrameHeader.Opcode, _ payload: ByteBuffer) {
        var packed = payload
        if let deflater = self.deflater {
            packed = ByteBuffer()
            deflater.compress(payload, flush: self.flush, into: &packed)
        }
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeFrame(
            opcode: opcode,
            compressed: self.deflater != nil,
            payload: packed,
            into: &frame
        )
        self.socket?.send(frames: frame)
    }
}
