internal import Crypto
internal import Foundation
internal import SluiceBase

/// The secrets that sign a receiver's deliveries (Standard Webhooks 1.0.0, symmetric signatures).
struct HookSecret: Sendable {
    /// The prefix of a secret's base64.
    private static let prefix = "whsec_"
    /// The bytes that the specification asks for.
    private static let byteCounts = 24...64
    /// The most secrets of one receiver: the new one and the old one while they change.
    private static let maximumCount = 4

    private let keys: [SymmetricKey]

    /// The secrets of a file: one on each line.
    init(_ content: [UInt8]) throws(ConfigurationProblem) {
        let lines = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline)
        var keys: [SymmetricKey] = []
        for line in lines {
            guard line.hasPrefix(Self.prefix),
                let bytes = Data(base64Encoded: String(line.dropFirst(Self.prefix.count))),
                Self.byteCounts.contains(bytes.count)
            else {
                throw ConfigurationProblem(
                    "holds no secret: expected \(Self.prefix) and the base64 of 24 to 64 bytes on each line"
                )
            }
            keys.append(SymmetricKey(data: bytes))
        }
        guard (1...Self.maximumCount).contains(keys.count) else {
            throw ConfigurationProblem("holds \(keys.count) secrets: expected 1 to \(Self.maximumCount)")
        }
        self.keys = keys
    }

    /// The value of `webhook-signature`: one signature for each secret, so that a receiver may know either.
    func signature(id: String, timestamp: Int, body: [UInt8]) -> String {
        let text = Array("\(id).\(timestamp).".utf8) + body
        return self.keys
            .map { "v1," + Data(HMAC<SHA256>.authenticationCode(for: text, using: $0)).base64EncodedString() }
            .joined(separator: " ")
    }
}
