import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct FailureLogTests {
    private static let second: UInt64 = 1_000_000_000

    private static func address(_ number: Int) throws -> AddressKey {
        try #require(AddressKey("10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"))
    }

    @Test func `an address gets a few lines, and what was left out is told with its next one`() throws {
        var log = FailureLog()
        let address = try Self.address(1)
        let answers = (0..<8).map { _ in log.failed(address, now: 0) }
        let told = [FailureLog.Answer](repeating: .told(untoldCount: 0), count: 5)
        #expect(answers == told + [.untold, .untold, .untold])
        check(log.failed(address, now: 59 * Self.second), .untold)
        check(log.failed(address, now: 60 * Self.second), .told(untoldCount: 4))
        check(log.failed(address, now: 60 * Self.second), .untold)
        check(log.failed(try Self.address(2), now: 60 * Self.second), .told(untoldCount: 0))
    }

    @Test func `all addresses together get a hundred lines at once, and five a second`() throws {
        var log = FailureLog()
        let told = try (0..<1000).count { log.failed(try Self.address($0), now: 0) != .untold }
        #expect(told == 100)
        let later = try (0..<1000).count { log.failed(try Self.address($0), now: 10 * Self.second) != .untold }
        #expect(later == 50)
        // A line that there was no room for was not taken from the address.
        check(log.failed(try Self.address(999), now: 100 * Self.second), .told(untoldCount: 2))
    }

    @Test func `whoever has no address counts in all, and no number of addresses makes it grow`() throws {
        var log = FailureLog()
        let told = (0..<150).count { _ in log.failed(nil, now: 0) != .untold }
        #expect(told == 100)
        for number in 0..<(FailureLog.maximumCount + 500) {
            _ = log.failed(try Self.address(number), now: 0)
        }
        #expect(log.count == FailureLog.maximumCount)
    }
}
