import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Requests that may be repeated")
struct IdempotencyBookTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let receipt = IngestReceipt(acceptedCount: 2, seqs: 4...5)

    private func request(_ number: Int) -> IngestRequest.Idempotency {
        IngestRequest.Idempotency(key: "\(number)", digest: [])
    }

    /// The numbers of those that the book knows.
    private func known(_ book: IdempotencyBook, _ numbers: Range<Int>, epoch: String, now: NIODeadline) -> [Int] {
        numbers.filter { book.verdict(on: self.request($0), epoch: epoch, now: now) != .new }
    }

    @Test("The same key gives the first answer again, and with another body a conflict")
    func verdicts() {
        let book = IdempotencyBook(maximumCount: 10)
        let request = IngestRequest.Idempotency(key: "k", digest: [1])
        #expect(book.verdict(on: request, epoch: "a", now: self.start) == .new)
        book.remember(request, self.receipt, epoch: "a", now: self.start)
        var replayed = self.receipt
        replayed.isReplayed = true
        #expect(book.verdict(on: request, epoch: "a", now: self.start + .minutes(9)) == .known(replayed))
        #expect(book.verdict(on: .init(key: "k", digest: [2]), epoch: "a", now: self.start) == .conflict)
        #expect(book.verdict(on: request, epoch: "b", now: self.start) == .new)
        #expect(book.verdict(on: request, epoch: "a", now: self.start + .minutes(10)) == .new)
        #expect(book.count == 0)
        #expect(book.forgottenCount == 0)
    }

    @Test("Of too many over all scans the oldest is forgotten, and counted, whosever it is")
    func bounded() {
        let book = IdempotencyBook(maximumCount: 100)
        for number in 0..<60 {
            book.remember(self.request(number), self.receipt, epoch: "quiet", now: self.start)
        }
        for number in 0..<80 {
            book.remember(self.request(number), self.receipt, epoch: "busy", now: self.start)
        }
        #expect(book.count == 100)
        #expect(book.forgottenCount == 40)
        #expect(self.known(book, 0..<60, epoch: "quiet", now: self.start) == Array(40..<60))
        #expect(self.known(book, 0..<80, epoch: "busy", now: self.start) == Array(0..<80))
        book.setMaximumCount(10)
        #expect(book.count == 10)
        #expect(self.known(book, 0..<80, epoch: "busy", now: self.start) == Array(70..<80))
    }

    @Test("A key that is used again after its time is remembered from then on")
    func again() {
        let book = IdempotencyBook(maximumCount: 10)
        book.restore(
            [StoredAnswer(request: self.request(1), receipt: self.receipt, age: .minutes(9))],
            epoch: "a",
            now: self.start
        )
        let later = self.start + .minutes(2)
        // The one from the store is behind a younger one, and still expires.
        book.remember(self.request(2), self.receipt, epoch: "a", now: self.start)
        #expect(self.known(book, 1..<3, epoch: "a", now: later) == [2])
        book.remember(self.request(1), self.receipt, epoch: "a", now: later)
        #expect(self.known(book, 1..<3, epoch: "a", now: later + .minutes(9)) == [1])
        #expect(self.known(book, 1..<3, epoch: "a", now: later + .minutes(10)) == [])
        #expect(book.count == 0)
    }

    @Test("Answers from a store count against the bound, and those that are over are not taken")
    func restored() {
        let book = IdempotencyBook(maximumCount: 10)
        let answers = (0..<20).map { number in
            StoredAnswer(request: self.request(number), receipt: self.receipt, age: .minutes(19 - Int64(number)))
        }
        book.restore(answers, epoch: "a", now: self.start)
        #expect(self.known(book, 0..<20, epoch: "a", now: self.start) == Array(10..<20))
        #expect(book.forgottenCount == 0)
        book.restore(answers, epoch: "b", now: self.start)
        #expect(book.count == 10)
        #expect(self.known(book, 0..<20, epoch: "b", now: self.start) == Array(10..<20))
    }
}
