import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Requests that may be repeated")
struct IdempotencyRecordTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let receipt = IngestReceipt(acceptedCount: 2, seqs: 4...5)

    @Test("The same key gives the first answer again, and with another body a conflict")
    func verdicts() {
        var record = IdempotencyRecord()
        let request = IngestRequest.Idempotency(key: "k", digest: [1])
        #expect(record.verdict(on: request, now: self.start) == .new)
        record.remember(request, self.receipt, now: self.start)
        var replayed = self.receipt
        replayed.isReplayed = true
        #expect(record.verdict(on: request, now: self.start + .minutes(9)) == .known(replayed))
        #expect(record.verdict(on: .init(key: "k", digest: [2]), now: self.start) == .conflict)
        #expect(record.verdict(on: request, now: self.start + .minutes(10)) == .new)
    }

    @Test("Of too many the oldest is forgotten")
    func bounded() {
        var record = IdempotencyRecord()
        for number in 0...IdempotencyRecord.maximumCount {
            record.remember(.init(key: "\(number)", digest: []), self.receipt, now: self.start)
        }
        #expect(record.verdict(on: .init(key: "0", digest: []), now: self.start) == .new)
        #expect(record.verdict(on: .init(key: "1", digest: []), now: self.start) != .new)
    }
}
