import NIOCore

@testable import SluiceHTTP

/// A session that records its calls.
final class RecordingSession: WebSocketSession {
    enum Call: Equatable {
        case opened
        case text(String)
        case binary([UInt8])
        case writable(Bool)
        case closing
        case closed(WebSocketClosure)
    }

    var calls: [Call] = []
    var tickCount = 0
    var socket: WebSocketHandler?
    var onText: ((WebSocketHandler, String) -> Void)?
    var onWritable: ((WebSocketHandler) -> Void)?

    func opened(_ socket: WebSocketHandler) {
        self.calls.append(.opened)
        self.socket = socket
    }

    func receivedText(_ text: ByteBuffer) {
        self.calls.append(.text(String(buffer: text)))
        if let socket = self.socket {
            self.onText?(socket, String(buffer: text))
        }
    }

    func receivedBinary(_ bytes: ByteBuffer) {
        self.calls.append(.binary(Array(bytes.readableBytesView)))
    }

    func writabilityChanged(isWritable: Bool) {
        self.calls.append(.writable(isWritable))
        if isWritable, let socket = self.socket {
            self.onWritable?(socket)
        }
    }

    func closing() {
        self.calls.append(.closing)
        // Too late for anything.
        self.socket?.send(text: "too late")
    }

    func closed(_ closure: WebSocketClosure) {
        self.calls.append(.closed(closure))
        self.socket = nil
    }

    func tick(now: NIODeadline) {
        self.tickCount += 1
    }
}
