import Testing

@testable import SluiceAdmission

@Suite struct TicketBookTests {
    private let identity = Identity(kind: .ticket, subject: "a")

    @Test func `no more are outstanding than may be, and old ones make room`() {
        var book = TicketBook(maximumCount: 5)
        for _ in 0..<5 {
            check(book.issue(for: self.identity, now: 0) != nil, true)
        }
        check(book.issue(for: self.identity, now: 29) == nil, true)
        #expect(book.count == 5)
        check(book.issue(for: self.identity, now: 30) != nil, true)
        #expect(book.count == 1)
    }

    @Test func `a ticket that was used makes room`() throws {
        var book = TicketBook(maximumCount: 1)
        let issued = book.issue(for: self.identity, now: 0)
        let ticket = try #require(issued)
        check(book.issue(for: self.identity, now: 1) == nil, true)
        check(book.redeem(ticket, now: 1), self.identity)
        check(book.issue(for: self.identity, now: 1) != nil, true)
    }

    @Test func `no two tickets are alike`() {
        var book = TicketBook(maximumCount: 1000)
        let tickets = (0..<1000).compactMap { _ in book.issue(for: self.identity, now: 0) }
        #expect(Set(tickets).count == 1000)
    }
}
