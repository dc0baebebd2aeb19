import NIOCore
import SluiceAdmission
import SluiceBase
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("What a request takes of the ingest bucket")
struct IngestAllowanceTests {
    private let limiter = RateLimiter<ByteName>(limit: RateLimit(rate: 1, burst: 10))
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func allowance() -> IngestAllowance {
        IngestAllowance(self.limiter, producer: "user:a")
    }

    /// Why an array of this many messages is not taken; nil if it is.
    private func refusal(_ request: inout IngestAllowance, _ count: Int, now: NIODeadline) -> Problem? {
        do throws(Problem) {
            try request.take(count, now: now)
            return nil
        } catch {
            return error
        }
    }

    /// The rest in the bucket.
    private func left(_ now: NIODeadline? = nil) -> Int {
        let now = (now ?? self.start).uptimeNanoseconds
        return (0...10).last { self.limiter.answer(to: $0, for: "user:a", now: now) == .taken } ?? 0
    }

    @Test("An array takes one for each message, and an empty one takes one")
    func arrays() {
        var request = self.allowance()
        #expect(self.refusal(&request, 4, now: self.start) == nil)
        #expect(self.left() == 6)
        request = self.allowance()
        #expect(self.refusal(&request, 0, now: self.start) == nil)
        #expect(self.left() == 5)
    }

    @Test("A request that is refused by something else takes one, once, and cannot without one")
    func faults() {
        let problem = Problem(.invalidMessage)
        var request = self.allowance()
        #expect(request.fault(problem, now: self.start) == problem)
        #expect(request.fault(problem, now: self.start) == problem)
        #expect(self.left() == 9)
        for _ in 0..<9 {
            var request = self.allowance()
            #expect(request.fault(problem, now: self.start) == problem)
        }
        var last = self.allowance()
        let refusal = last.fault(problem, now: self.start)
        #expect(refusal.code == .rateLimited)
        #expect(refusal.retryAfterSeconds == 1)
    }

    @Test("An array over the rate takes nothing, and what it is told of waiting is true")
    func refusals() throws {
        var first = self.allowance()
        #expect(self.refusal(&first, 8, now: self.start) == nil)
        var second = self.allowance()
        let problem = self.refusal(&second, 5, now: self.start)
        #expect(problem?.code == .rateLimited)
        #expect(self.left() == 2)
        let wait = TimeAmount.seconds(Int64(try #require(problem?.retryAfterSeconds)))
        #expect(wait == .seconds(3))
        var early = self.allowance()
        #expect(self.refusal(&early, 5, now: self.start + wait - .milliseconds(1)) != nil)
        var third = self.allowance()
        #expect(self.refusal(&third, 5, now: self.start + wait) == nil)
    }

    @Test("An array that could never pass is told so, and a whole burst passes behind it")
    func neverFits() {
        var request = self.allowance()
        #expect(self.refusal(&request, 11, now: self.start)?.code == .tooManyMessages)
        #expect(self.refusal(&request, 10, now: self.start) == nil)
        #expect(self.left() == 0)
    }

    @Test("A stream pays for each line, empty ones too, the first of them when it begins")
    func streams() {
        var stream = self.allowance()
        #expect(stream.open(now: self.start) == 0)
        #expect(self.left() == 9)
        #expect(stream.charge(3, now: self.start) == 0)
        #expect(self.left() == 7)
        #expect(stream.charge(7, now: self.start) == 0)
        #expect(stream.charge(2, now: self.start) == 2_000_000_000)
        #expect(stream.charge(0, now: self.start + .seconds(1)) == 1_000_000_000)
        var next = self.allowance()
        #expect(next.open(now: self.start) == 3_000_000_000)
    }
}
