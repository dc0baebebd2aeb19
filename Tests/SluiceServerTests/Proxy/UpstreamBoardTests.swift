import NIOCore
import Testing

@testable import SluiceServer

@Suite("Which upstream gets a request, and how long it may take")
struct UpstreamBoardTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let names = ["a", "b", "c"]

    @Test("The one with the fewest open requests, equals in turn")
    func fewest() {
        var board = UpstreamBoard()
        let first = (0..<6).compactMap { _ in board.take(among: Self.names, except: [], now: Self.start) }
        #expect(Set(first[..<3]) == Set(Self.names) && Set(first[3...]) == Set(Self.names))
        board.release("b")
        #expect(board.take(among: Self.names, except: [], now: Self.start) == "b")
        for name in Self.names + Self.names {
            board.release(name)
        }
        #expect(board.count == 0)
        board.release("a")
        #expect(board.openCount(of: "a") == 0)
    }

    @Test("One that refused is passed over for five seconds, and asked when nobody else is left")
    func refusals() {
        var board = UpstreamBoard()
        let take = { (tried: Set<String>, now: NIODeadline) -> String? in
            let name = board.take(among: ["a", "b"], except: tried, now: now)
            if let name {
                board.release(name)
            }
            return name
        }
        board.refused("a", now: Self.start)
        let later = Self.start + .milliseconds(4999)
        #expect((0..<4).allSatisfy { _ in take([], later) == "b" })
        #expect(take(["b"], later) == "a")
        #expect(take(["a", "b"], later) == nil)
        #expect(Set((0..<4).compactMap { _ in take([], Self.start + .seconds(5)) }) == ["a", "b"])
        // Both: the one whose time is over first.
        board.refused("b", now: Self.start + .seconds(1))
        board.refused("a", now: Self.start + .seconds(2))
        #expect(take([], Self.start + .seconds(3)) == "b")
        board.accepted("a")
        #expect(take([], Self.start + .seconds(3)) == "a")
        #expect(board.take(among: [], except: [], now: Self.start) == nil)
    }

    @Test("The head of an answer has its time from the request's end, interim answers or not")
    func answer() {
        var times = ProxyTimes(timeout: .seconds(60), idle: .seconds(300))
        #expect(times.deadline == nil)
        times.requestEnded(now: Self.start)
        #expect(times.deadline == Self.start + .seconds(60))
        #expect(times.verdict(now: Self.start + .seconds(59)) == .goesOn)
        #expect(times.verdict(now: Self.start + .seconds(60)) == .noAnswer)
        times.answered(now: Self.start + .seconds(50))
        #expect(times.deadline == Self.start + .seconds(350))
        times.answered(now: Self.start + .seconds(340))
        #expect(times.verdict(now: Self.start + .seconds(350)) == .goesOn)
        #expect(times.verdict(now: Self.start + .seconds(640)) == .answerStuck)
        times.answerPaused(true, now: Self.start + .seconds(400))
        #expect(times.deadline == nil)
        times.answerPaused(false, now: Self.start + .seconds(900))
        #expect(times.deadline == Self.start + .seconds(1200))
    }

    @Test("An upload that the upstream does not take has its time, and so has a client that ended its side")
    func others() {
        var times = ProxyTimes(timeout: .seconds(60), idle: .seconds(300))
        times.uploadBlocked(true, now: Self.start)
        times.uploadBlocked(true, now: Self.start + .seconds(100))
        #expect(times.verdict(now: Self.start + .seconds(300)) == .uploadStuck)
        times.uploadBlocked(false, now: Self.start)
        #expect(times.deadline == nil)
        times.clientLeft(now: Self.start)
        #expect(times.verdict(now: Self.start + .milliseconds(1999)) == .goesOn)
        #expect(times.verdict(now: Self.start + .seconds(2)) == .clientGone)
        times.answered(now: Self.start + .seconds(1))
        #expect(times.verdict(now: Self.start + .seconds(2)) == .goesOn)
        #expect(times.verdict(now: Self.start + .seconds(3)) == .clientGone)
    }
}
