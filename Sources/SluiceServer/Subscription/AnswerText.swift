internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The texts that answer a client's frames.
enum AnswerText {
    /// An action was done.
    static func ack(_ action: ClientAction, scanID: ScanID? = nil, framesPerSecond: Double? = nil) -> String {
        var text = "{\"type\":\"ack\",\"action\":\"\(action.name)\""
        if let scanID {
            text += ",\"scanId\":\"\(scanID.text)\""
        }
        if let framesPerSecond {
            text += ",\"rate\":\(Notice.number(framesPerSecond))"
        }
        return text + self.member(action.id) + "}"
    }

    /// The answer to a ping.
    static func pong(id: String?) -> String {
        "{\"type\":\"pong\"\(self.member(id))}"
    }

    /// A scan that a socket of many followed is over.
    static func unsubscribed(_ scanID: ScanID, reason: String) -> String {
        "{\"type\":\"unsubscribed\",\"scanId\":\"\(scanID.text)\",\"reason\":\"\(reason)\"}"
    }

    /// Something was not done.
    static func error(code: String, message: String, scanID: String? = nil, id: String? = nil) -> String {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        writer.member("type", "error")
        writer.member("message", message)
        if let scanID {
            writer.member("scanId", scanID)
        }
        writer.member("code", code)
        if let id {
            writer.name("id")
            writer.raw(ByteBuffer(string: id))
        }
        writer.endObject()
        return String(buffer: writer.buffer)
    }

    /// The token ends soon.
    static func tokenExpiring(inSeconds seconds: Int) -> String {
        "{\"type\":\"tokenExpiring\",\"expiresIn\":\(seconds)}"
    }

    private static func member(_ id: String?) -> String {
        id.map { ",\"id\":\($0)" } ?? ""
    }
}
