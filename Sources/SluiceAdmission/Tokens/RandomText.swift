/// Texts that cannot be guessed, from the system's cryptographically secure generator.
enum RandomText {
    /// Random bytes as base64url.
    static func make(byteCount: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64URL.encode((0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}
