import Testing

@testable import SluiceAdmission

@Suite struct ApplicationBookTests {
    private static let second: UInt64 = 1_000_000_000
    private static let refusal = ApplicationAnswer.refused(isKnown: false, challenges: [])

    private func question(
        _ cookie: String,
        _ action: ApplicationQuestion.Action = .read,
        scan: String? = nil
    ) -> ApplicationQuestion {
        ApplicationQuestion(ApplicationCredential([.init(name: "Cookie", value: cookie)]), action: action, scan: scan)
    }

    private func identity(_ subject: String = "a", expiresAt: Double? = nil) -> ApplicationAnswer {
        .admitted(Identity(kind: .application, subject: subject, expiresAt: expiresAt))
    }

    private func book(cacheSeconds: UInt64 = 10) -> ApplicationBook<Int> {
        ApplicationBook(cacheNanoseconds: cacheSeconds * Self.second)
    }

    @Test func `the same is asked once, and all who wait get the answer`() {
        var book = self.book()
        #expect(book.ask(self.question("x"), 1, now: 0, wallTime: 0) == .ask)
        #expect(book.ask(self.question("x"), 2, now: 0, wallTime: 0) == .wait)
        #expect(book.ask(self.question("x"), 3, isFresh: true, now: 0, wallTime: 0) == .wait)
        #expect(book.answered(self.question("x"), self.identity(), generation: 0, now: 0) == [1, 2, 3])
        #expect(book.ask(self.question("x"), 4, now: 1, wallTime: 0) == .answered(self.identity()))
        #expect(book.answered(self.question("x"), self.identity(), generation: 0, now: 0) == [])
    }

    @Test func `another value, action or scan is another question, however they run together`() {
        var book = self.book()
        let questions = [
            self.question("x"), self.question("y"), self.question("x", .post), self.question("x", scan: "a"),
            ApplicationQuestion(
                ApplicationCredential([.init(name: "Cookie", value: "x"), .init(name: "Cookie", value: "")]),
                action: .read,
                scan: nil
            ),
            ApplicationQuestion(
                ApplicationCredential([.init(name: "Cook", value: "iex")]),
                action: .read,
                scan: nil
            ),
        ]
        for (number, question) in questions.enumerated() {
            #expect(book.ask(question, number, now: 0, wallTime: 0) == .ask)
        }
    }

    @Test func `an identity is kept for the time that the operator says, a refusal for a second`() {
        var book = self.book()
        for (cookie, answer, time) in [("a", self.identity(), 10 * Self.second), ("b", Self.refusal, Self.second)] {
            _ = book.ask(self.question(cookie), 1, now: 5, wallTime: 0)
            _ = book.answered(self.question(cookie), answer, generation: 0, now: 5)
            #expect(book.known(self.question(cookie), now: 4 + time, wallTime: 0) == answer)
            #expect(book.known(self.question(cookie), now: 5 + time, wallTime: 0) == nil)
        }
        _ = book.ask(self.question("c"), 1, now: 5, wallTime: 0)
        #expect(book.answered(self.question("c"), .unavailable("x"), generation: 0, now: 5) == [1])
        #expect(book.known(self.question("c"), now: 5, wallTime: 0) == nil)
        var none = self.book(cacheSeconds: 0)
        _ = none.ask(self.question("a"), 1, now: 5, wallTime: 0)
        _ = none.answered(self.question("a"), Self.refusal, generation: 0, now: 5)
        #expect(none.count == 0)
    }

    @Test func `an identity that has ended is asked for again, and so is one that must be fresh`() {
        var book = self.book()
        _ = book.ask(self.question("a"), 1, now: 0, wallTime: 50)
        _ = book.answered(self.question("a"), self.identity(expiresAt: 100), generation: 0, now: 0)
        #expect(book.known(self.question("a"), now: 1, wallTime: 99) != nil)
        #expect(book.known(self.question("a"), now: 1, wallTime: 100) == nil)
        #expect(book.ask(self.question("a"), 1, isFresh: true, now: 1, wallTime: 99) == .ask)
    }

    @Test func `answers are forgotten, the oldest first, beyond their number and their bytes`() {
        var book = self.book(cacheSeconds: 3600)
        for number in 0...ApplicationBook<Int>.maximumCount {
            _ = book.ask(self.question("\(number)"), number, now: 0, wallTime: 0)
            _ = book.answered(self.question("\(number)"), Self.refusal, generation: 0, now: 0)
        }
        #expect(book.count == ApplicationBook<Int>.maximumCount)
        #expect(book.known(self.question("0"), now: 0, wallTime: 0) == nil)
        #expect(book.known(self.question("1"), now: 0, wallTime: 0) != nil)
        let long = String(repeating: "x", count: 8000)
        for number in 0..<5000 {
            _ = book.ask(self.question("\(number)\(long)"), number, now: 0, wallTime: 0)
            _ = book.answered(self.question("\(number)\(long)"), self.identity(), generation: 0, now: 0)
        }
        #expect(book.count < ApplicationBook<Int>.maximumBytes / 8000)
        #expect(book.known(self.question("4999\(long)"), now: 0, wallTime: 0) != nil)
    }

    @Test func `no more wait than may, whatever they ask`() {
        var book = self.book()
        for number in 0..<ApplicationBook<Int>.maximumWaitingCount {
            _ = book.ask(self.question("\(number % 100)"), number, now: 0, wallTime: 0)
        }
        #expect(book.ask(self.question("1"), 0, now: 0, wallTime: 0) == .full)
        #expect(book.answered(self.question("7"), .unavailable(""), generation: 0, now: 0).count == 100)
        #expect(book.ask(self.question("1"), 0, now: 0, wallTime: 0) == .wait)
    }

    @Test func `another configuration takes no answer of the one before`() {
        var book = self.book()
        _ = book.ask(self.question("a"), 1, now: 0, wallTime: 0)
        book.clear()
        #expect(book.currentGeneration == 1)
        #expect(book.ask(self.question("a"), 2, now: 0, wallTime: 0) == .ask)
        // The first application's answer comes late.
        #expect(book.answered(self.question("a"), self.identity("old"), generation: 0, now: 0) == [])
        #expect(book.answered(self.question("a"), self.identity("new"), generation: 1, now: 0) == [1, 2])
        #expect(book.known(self.question("a"), now: 1, wallTime: 0) == self.identity("new"))
        // Nobody else asked: it is told, and not kept.
        _ = book.ask(self.question("b"), 3, now: 0, wallTime: 0)
        book.clear()
        #expect(book.answered(self.question("b"), self.identity(), generation: 1, now: 0) == [3])
        #expect(book.count == 0)
    }

    @Test func `ten questions in a row without an answer are enough`() {
        var count = RecheckCount()
        for _ in 0..<3 {
            #expect((1...9).allSatisfy { _ in !count.unanswered() })
            count.answered()
        }
        #expect((1...9).allSatisfy { _ in !count.unanswered() })
        let isOver = count.unanswered()
        #expect(isOver)
    }
}
