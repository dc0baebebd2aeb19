import SluiceAdmission
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("What is taken on one gateway is paid on the others")
struct GatewayLimitsTests {
    @Test("An address may have the application asked as five users may ask the gateway, after a reload too")
    func questions() throws {
        var configuration = GatewayConfiguration.Limits()
        configuration.requests.burst = 3
        let limits = GatewayLimits(configuration)
        let address = try #require(AddressKey("2001:db8::1"))
        #expect(limits.questionsByAddress.answer(to: 15, for: address, now: 0) == .taken)
        #expect(limits.questionsByAddress.answer(to: 16, for: address, now: 0) != .taken)
        configuration.requests.burst = 4
        limits.replace(configuration)
        #expect(limits.questionsByAddress.answer(to: 20, for: address, now: 0) == .taken)
        #expect(limits.questionsByAddress.answer(to: 21, for: address, now: 0) != .taken)
    }

    @Test("Every shared rate is noted, and paid under its name")
    func shares() throws {
        var configuration = GatewayConfiguration.Limits()
        configuration.ingest.rate = 1
        configuration.ingest.burst = 10
        configuration.requests = configuration.ingest
        configuration.handshakes = configuration.ingest
        let (one, other) = (GatewayLimits(configuration), GatewayLimits(configuration))
        let address = try #require(AddressKey("2001:db8::1"))
        _ = one.ingest.take(5, for: "key:k", now: 0)
        #expect(one.takeShares().isEmpty)
        one.beginSharing()
        _ = one.ingest.take(4, for: "key:k", now: 0)
        _ = one.requests.take(3, for: "user:u", now: 0)
        _ = one.handshakesByUser.take(2, for: "user:u", now: 0)
        _ = one.handshakesByAddress.take(1, for: address, now: 0)
        _ = one.failuresByAddress.take(6, for: address, now: 0)
        let shares = one.takeShares()
        #expect(shares.count == 5 && one.takeShares().isEmpty)
        other.beginSharing()
        other.pay(shares, now: 0)
        other.pay(["moon", "address_failures"].map { RateShare(limit: $0, key: "x", count: 1) }, now: 0)
        // What is paid is not told on.
        #expect(other.takeShares().isEmpty)
        #expect(other.ingest.answer(to: 6, for: "key:k", now: 0) == .taken)
        #expect(other.ingest.answer(to: 7, for: "key:k", now: 0) != .taken)
        #expect(other.requests.answer(to: 8, for: "user:u", now: 0) != .taken)
        #expect(other.handshakesByUser.answer(to: 9, for: "user:u", now: 0) != .taken)
        #expect(other.handshakesByAddress.answer(to: 10, for: address, now: 0) != .taken)
        #expect(other.failuresByAddress.answer(to: 45, for: address, now: 0) != .taken)
        #expect(other.failuresByAddress.answer(to: 44, for: address, now: 0) == .taken)
    }
}
