@testable import SluiceRelay

/// The content that a client reads from one frame.
enum ReceivedFrame: Equatable {
    case subscribed(epoch: String, seq: Seq, recovered: Bool)
    /// One message or a batch, with the frame's text.
    case messages([Seq], text: String)
    case lag(count: Int, since: Seq, reason: String)
    case stalled
    case resumed
    case other(String)

    init(text bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        func number(_ key: StaticString) -> Seq { Self.numbers(after: key, in: bytes).first ?? .max }
        if text.hasPrefix("{\"type\":\"subscribed\"") {
            let epoch = text.split(separator: "\"epoch\":\"")[1].prefix { $0 != "\"" }
            let recovered = text.contains("\"recovered\":true")
            self = .subscribed(epoch: String(epoch), seq: number("\"seq\":"), recovered: recovered)
        } else if text.hasPrefix("{\"type\":\"lag\"") {
            let reason = text.split(separator: "\"reason\":\"")[1].prefix { $0 != "\"" }
            self = .lag(
                count: Int(clamping: number("\"skippedMessages\":").rawValue),
                since: number("\"since\":"),
                reason: String(reason)
            )
        } else if text.hasPrefix("{\"type\":\"scanStalled\"") {
            self = .stalled
        } else if text.hasPrefix("{\"type\":\"scanResumed\"") {
            self = .resumed
        } else if text.hasPrefix("{\"type\":\"batch\"") || text.hasPrefix("{\"scanId\"") || text.hasPrefix("{\"seq\"") {
            self = .messages(Self.numbers(after: "\"seq\":", in: bytes), text: text)
        } else {
            self = .other(text)
        }
    }

    private static func numbers(after key: StaticString, in bytes: [UInt8]) -> [Seq] {
        let key = Array("\(key)".utf8)
        var found: [Seq] = []
        var index = 0
        while index + key.count < bytes.count {
            guard bytes[index] == key[0], bytes[index..<(index + key.count)].elementsEqual(key) else {
                index += 1
                continue
            }
            index += key.count
            var number = 0
            while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
                number = number * 10 + Int(bytes[index] - UInt8(ascii: "0"))
                index += 1
            }
            found.append(Seq(clamping: number))
        }
        return found
    }
}
