import Dispatch
import Synchronization
import Testing

@testable import SluiceAdmission

@Suite struct SignInBookTests {
    private func ticket(_ token: String = "abc") throws -> SealedTicket {
        try #require(SealedTicket(.token(token), for: .signIn, now: 0))
    }

    @Test func `no more bytes are kept than may be, and old tickets and used ones make room`() throws {
        let size = try self.ticket().sealed.count
        var book = SignInBook(maximumBytes: 2 * size + 1)
        let (first, second, third) = (try self.ticket(), try self.ticket(), try self.ticket())
        check(book.keep(first, now: 0), true)
        check(book.keep(second, now: 1), true)
        check(book.keep(third, now: 2), false)
        #expect(book.byteCount == 2 * size && book.count == 2)
        check(book.useUp(second.digest), true)
        check(book.keep(third, now: 2), true)
        // The first one is too old by now; a clock that was set back does not keep the others.
        check(book.keep(second, now: 30), true)
        #expect(book.sealed(first.digest) == nil && book.sealed(third.digest) != nil && book.byteCount == 2 * size)
        check(book.keep(first, now: -100), true)
        #expect(book.count == 1 && book.byteCount == size)
        check(book.keep(try self.ticket(String(repeating: "x", count: 100)), now: -100), false)
    }

    @Test func `a look leaves a ticket where it is, and one use takes it away`() throws {
        var book = SignInBook(maximumBytes: 1000)
        let ticket = try self.ticket()
        check(book.useUp(ticket.digest), false)
        check(book.keep(ticket, now: 0), true)
        #expect(book.sealed(ticket.digest) == ticket.sealed && book.sealed(ticket.digest) == ticket.sealed)
        #expect(book.sealed("") == nil)
        check(book.useUp(ticket.digest), true)
        check(book.useUp(ticket.digest), false)
        #expect(book.sealed(ticket.digest) == nil && book.byteCount == 0)
    }

    @Test func `of many who trade a ticket at once, one is first`() throws {
        let authenticator = Authenticator(verifier: TokenVerifier(keys: []), ingestKeys: [])
        for _ in 0..<50 {
            let ticket = try self.ticket()
            #expect(authenticator.keepSignIn(ticket, now: 0) && authenticator.keptSignIn(ticket.digest) != nil)
            let firstCount = Atomic(0)
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                if authenticator.useUpSignIn(ticket.digest) {
                    firstCount.add(1, ordering: .relaxed)
                }
            }
            #expect(firstCount.load(ordering: .relaxed) == 1 && authenticator.keptSignIn(ticket.digest) == nil)
        }
    }
}
