import NIOCore

@testable import SluiceHTTP
@testable import SluiceServer

extension FuzzTarget {
    /// The first byte chooses what was agreed on; the rest is what the client sends.
    static func runWebSocket(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let choice = bytes.first else {
            return
        }
        let sent = Array(bytes.dropFirst())
        let whole = try self.events(sent, choice: choice, pieceLength: max(1, sent.count))
        for pieceLength in [1, 7] {
            let pieces = try self.events(sent, choice: choice, pieceLength: pieceLength)
            try self.promise(
                self.agree(whole, pieces),
                "messages do not depend on how the bytes arrive"
            )
        }
    }

    private static func events(
        _ bytes: [UInt8],
        choice: UInt8,
        pieceLength: Int
    ) throws(BrokenPromise) -> [WebSocketEvent] {
        var limits = WebSocketConfiguration()
        limits.maximumMessageBytes = 1000
        limits.maximumFragmentCount = 16
        var deflate: PermessageDeflateAgreement?
        if choice & 1 != 0 {
            deflate = PermessageDeflateAgreement(answer: "")
            deflate?.clientNoContextTakeover = choice & 2 != 0
            deflate?.clientWindowBits = choice & 4 != 0 ? 9 : 15
        }
        var decoder = WebSocketDecoder(limits: limits, deflate: deflate)
        var events: [WebSocketEvent] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + pieceLength)
            decoder.append(ByteBuffer(bytes: bytes[start..<end]))
            start = end
            while let event = decoder.next() {
                try self.check(event, limits)
                events.append(event)
            }
        }
        return events
    }

    private static func check(_ event: WebSocketEvent, _ limits: WebSocketConfiguration) throws(BrokenPromise) {
        switch event {
        case .text(let text):
            try self.promise(text.readableBytes <= limits.maximumMessageBytes, "a message is within its limit")
            try self.promise(
                String(validating: text.readableBytesView, as: UTF8.self) != nil,
                "a text is UTF-8"
            )
        case .binary(let bytes):
            try self.promise(bytes.readableBytes <= limits.maximumMessageBytes, "a message is within its limit")
        case .ping(let payload), .pong(let payload):
            try self.promise(payload.readableBytes <= 125, "a control frame is short")
        case .close(let code, let reason):
            try self.promise(code?.isSendable ?? true, "a close code is one that may be sent")
            try self.promise(reason.utf8.count <= 123, "a close reason is short")
        case .failed:
            return
        }
    }

    /// The same messages; of two faults, either may be seen first.
    private static func agree(_ whole: [WebSocketEvent], _ pieces: [WebSocketEvent]) -> Bool {
        guard whole.count == pieces.count else {
            return false
        }
        for (one, other) in zip(whole, pieces) {
            if case .failed = one, case .failed = other {
                continue
            }
            guard one == other else {
                return false
            }
        }
        return true
    }

    static func runExtensions(_ bytes: [UInt8]) throws(BrokenPromise) {
        let values = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard let offers = try? ExtensionOffer.parse(values) else {
            return
        }
        var configuration = PermessageDeflateConfiguration()
        for bits in [9, 12, 15] {
            configuration.windowBits = bits
            guard let agreed = PermessageDeflateNegotiation(configuration: configuration).agree(to: offers) else {
                continue
            }
            let names = offers.flatMap { $0.parameters.map { $0.name } }
            try self.promise((9...bits).contains(agreed.serverWindowBits), "our window is one that there is")
            try self.promise((9...15).contains(agreed.clientWindowBits), "the client's window is one that there is")
            for name in ["server_max_window_bits", "client_max_window_bits"] where agreed.answer.contains(name) {
                try self.promise(names.contains(name), "only what was offered is answered")
            }
        }
    }

    static func runAction(_ bytes: [UInt8]) throws(BrokenPromise) {
        let fault: ClientAction.Fault
        do throws(ClientAction.Fault) {
            _ = try ClientAction(ByteBuffer(bytes: bytes))
            return
        } catch {
            fault = error
        }
        try self.promise(!fault.code.isEmpty, "a fault has a code")
    }
}
