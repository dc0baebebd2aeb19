import SluiceBase

@testable import SluiceAdmission

extension FuzzTarget {
    private static let now = 1_700_000_000.0
    private static let key = try? VerificationKey(
        id: "main",
        algorithm: .hs256,
        secret: Array("0123456789abcdef0123456789abcdef".utf8)
    )

    static func runToken(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let key = self.key else {
            throw BrokenPromise(what: "the key can be used")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let identity = try? TokenVerifier(keys: [key]).verify(text, now: self.now) else {
            return
        }
        // Only the seed's own signature holds, so whoever is let in is the one that it speaks of.
        try self.promise(identity.subject == "alice", "nobody signs for himself")
    }

    static func runClaims(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let claims = try? TokenClaims(bytes) else {
            return
        }
        try self.promise((1...256).contains(claims.subject.utf8.count), "a user's name is bounded")
        try self.promise(claims.lifetime.expiresAt.isFinite, "every token ends")
        for pattern in claims.scans ?? [] {
            _ = pattern.matches("team-7-nightly")
            _ = pattern.matches(String(repeating: "a", count: 128))
        }
    }

    static func runKeys(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let set = try? JSONWebKeySet(bytes) else {
            return
        }
        for key in set.keys {
            try self.promise(!key.algorithm.isSymmetric, "a published key is no secret")
        }
    }

    static func runForwarded(_ bytes: [UInt8]) throws(BrokenPromise) {
        let text = String(decoding: bytes, as: UTF8.self)
        _ = try? AddressBlock(text)
        _ = IPAddress(text).map { AddressKey($0) }
        guard let proxy = IPAddress("10.0.0.1"), let stranger = IPAddress("192.0.2.1"),
            let block = try? AddressBlock("10.0.0.0/8")
        else {
            throw BrokenPromise(what: "the addresses are addresses")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let forwarded = ForwardedAddress(trusted: [block])
        _ = forwarded.client(peer: proxy, forwardedFor: lines, forwarded: [])
        _ = forwarded.client(peer: proxy, forwardedFor: [], forwarded: lines)
        _ = forwarded.isSecure(peer: proxy, forwardedProto: lines, forwarded: lines)
        for line in lines {
            guard let origin = try? WebOrigin(line) else {
                continue
            }
            let verdict = OriginPolicy([origin]).verdict(origin: line, host: nil, isSecure: true)
            try self.promise(verdict == .listed(origin), "an origin that is listed matches itself")
            try self.promise((try? WebOrigin(origin.description)) == origin, "an origin's one spelling is an origin")
        }
        try self.promise(!forwarded.isTrusted(stranger), "a stranger is not trusted")
    }
}
