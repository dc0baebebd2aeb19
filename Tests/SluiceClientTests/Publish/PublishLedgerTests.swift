import NIOCore
import TestSupport
import Testing

@testable import SluiceClient

@Suite struct PublishLedgerTests {
    private func ledger(_ change: (inout PublishLedger.Limits) -> Void = { _ in }) -> PublishLedger {
        var limits = PublishLedger.Limits()
        change(&limits)
        return PublishLedger(limits: limits)
    }

    /// All that there is to send now.
    private func sent(_ ledger: inout PublishLedger) -> String {
        var text = ""
        while let piece = ledger.nextPiece() { text += String(buffer: piece) }
        return text
    }

    @Test("whole lines are sent, however they come, and the last one gets its end", arguments: [1, 2, 3, 100])
    func lines(pieceLength: Int) {
        var ledger = self.ledger()
        var rest = Array("{1}\n\n{22}\r\n{333}".utf8)[...]
        while !rest.isEmpty {
            ledger.append(ByteBuffer(bytes: rest.prefix(pieceLength)))
            rest = rest.dropFirst(pieceLength)
        }
        #expect(self.sent(&ledger) == "{1}\n\n{22}\r\n")
        #expect(!ledger.isDone)
        ledger.finish()
        #expect(self.sent(&ledger) == "{333}\n")
        ledger.finish()
        #expect(self.sent(&ledger) == "")
    }

    @Test(
        "a request goes on behind what was taken; empty lines are no messages",
        arguments: [
            (0, "a\n\nb\nc\nd\n", 0), (1, "b\nc\nd\n", 2), (2, "c\nd\n", 3), (3, "d\n", 4), (4, "d\n", 4),
            (1 << 53, "d\n", 4),
        ]
    )
    func goingOn(count: Int, rest: String, line: Int) {
        var ledger = self.ledger()
        ledger.append(ByteBuffer(string: "a\n\nb\nc\n"))
        #expect(self.sent(&ledger) == "a\n\nb\nc\n")
        ledger.append(ByteBuffer(string: "d\n"))
        #expect(ledger.confirmed(count) == 0)
        #expect(!ledger.hasSent)
        #expect(ledger.firstLine == line)
        #expect(self.sent(&ledger) == rest)
        ledger.finish()
        _ = ledger.confirmed(5)
        #expect(ledger.isDone)
    }

    @Test("of what was sent the newest is kept, and what is missing is counted")
    func forgetting() {
        for (count, lost) in [(90, 0), (96, 0), (89, 1), (0, 90)] {
            var ledger = self.ledger { ($0.sentBytes, $0.pieceBytes) = (20, 1) }
            for number in 100..<200 { ledger.append(ByteBuffer(string: "\(number % 10)\n")) }
            #expect(self.sent(&ledger).utf8.count == 200)
            #expect(ledger.confirmed(count) == lost)
            #expect(self.sent(&ledger).utf8.count == 2 * min(100 - count, 10))
        }
    }

    @Test("whoever has more waits while much is to be sent, also what is to be sent again")
    func fullness() {
        var ledger = self.ledger { $0.waitingBytes = 10 }
        ledger.append(ByteBuffer(string: "1234567\n"))
        #expect(!ledger.isFull)
        ledger.append(ByteBuffer(string: "1\n"))
        #expect(ledger.isFull)
        _ = self.sent(&ledger)
        #expect(!ledger.isFull)
        _ = ledger.confirmed(0)
        #expect(ledger.isFull)
        _ = ledger.nextPiece()
        #expect(!ledger.isFull)
    }

    @Test("a line without an end is not held back for ever, and is one message")
    func longLine() {
        var ledger = self.ledger { $0.lineBytes = 10 }
        ledger.append(ByteBuffer(string: "a\n"))
        for _ in 0..<10 { ledger.append(ByteBuffer(string: "bbbbbbb")) }
        #expect(self.sent(&ledger) == "a\n" + String(repeating: "b", count: 70))
        ledger.append(ByteBuffer(string: "b\nc\n"))
        #expect(self.sent(&ledger) == "b\nc\n")
        #expect(ledger.confirmed(2) == 0)
        #expect(self.sent(&ledger) == "c\n")
    }

    @Test("whatever is sent, taken and repeated, the gateway has every message once and in order")
    func randomStreams() {
        for seed in UInt64(1)...200 {
            var random = SplitMix64(seed: seed)
            var ledger = self.ledger { ($0.waitingBytes, $0.pieceBytes) = (64, Int.random(in: 1...40, using: &random)) }
            var taken: [String] = []
            var request: [String] = []
            var next = 0
            while !ledger.isDone {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4 where next < 100:
                    ledger.append(ByteBuffer(string: Bool.random(using: &random) ? "m\(next)\n" : "\nm\(next)\n"))
                    next += 1
                    if next == 100 { ledger.finish() }
                case 4..<8:
                    let piece = ledger.nextPiece().map { String(buffer: $0) } ?? ""
                    request += piece.split(separator: "\n").map(String.init)
                case 8:
                    let count = Int.random(in: 0...request.count, using: &random)
                    taken += request.prefix(count)
                    #expect(ledger.confirmed(count) == 0)
                    request = []
                default:
                    break
                }
            }
            #expect(taken == (0..<100).map { "m\($0)" }, "seed \(seed)")
        }
    }
}
