import NIOCore
import SluiceBase

@testable import SluiceRelay

/// Messages for tests, without the way through JSON.
enum TestMessage {
    /// When they came, where it does not matter.
    static let time = WallTime(milliseconds: 1_700_000_000_000)

    static func ordinary(_ type: String = "hostDiscovered", _ members: String = "\"ip\":\"10.0.0.1\"") -> Message {
        self.make(type, .ordinary, members)
    }

    static func critical(_ type: String = "phaseStarted", isTerminal: Bool = false) -> Message {
        self.make(type, .critical, "\"at\":1", isTerminal: isTerminal)
    }

    /// State that a newer message with the same type and key supersedes.
    static func state(_ key: String, _ members: String = "\"percent\":1", type: String = "scanProgress") -> Message {
        self.make(type, .conflated, members, key: key)
    }

    static func make(
        _ type: String,
        _ fate: Fate,
        _ members: String,
        key: String? = nil,
        isTerminal: Bool = false,
        carriesScanID: Bool = false
    ) -> Message {
        Message(
            body: ByteBuffer(string: "\"type\":\"\(type)\",\(members)}"),
            type: type,
            fate: fate,
            isTerminal: isTerminal,
            carriesScanID: carriesScanID,
            conflationKey: key.map { ConflationKey(type: type, values: [.string(Array($0.utf8))]) }
        )
    }
}

extension ScanLog {
    /// Keeps a message under the next number.
    @discardableResult
    mutating func append(_ message: Message, at: WallTime) -> LogEntry {
        let entry = LogEntry(seq: self.head.next, at: at, message: message)
        self.append(entry)
        return entry
    }
}
