import NIOCore
import SluiceBase

@testable import SluiceRelay

/// The messages posted to one life of a scan: the model that every subscriber's frames are compared with.
final class ScheduleScan {
    let scanID: ScanID
    let epoch: String
    private(set) var messages: [Message] = []
    /// When critical messages were posted: frames flushed before them are outside the budget.
    private(set) var criticalTimes: Set<NIODeadline> = []
    private var newest: [ConflationKey: Seq] = [:]
    /// Who owns it, where it is said.
    var owner: String?
    /// Whether its channel is gone.
    var hasEnded = false

    init(scanID: ScanID, epoch: String) {
        self.scanID = scanID
        self.epoch = epoch
    }

    var head: Seq { Seq(clamping: self.messages.count) }

    func append(_ message: Message, now: NIODeadline) {
        self.messages.append(message)
        if let key = message.conflationKey {
            self.newest[key] = self.head
        }
        if message.fate == .critical {
            self.criticalTimes.insert(now)
        }
    }

    func message(_ seq: Seq) -> Message { self.messages[Seq(1).distance(to: seq)] }

    func isSuperseded(_ seq: Seq) -> Bool {
        self.message(seq).conflationKey.map { self.newest[$0] != seq } ?? false
    }

    /// The frame that these messages make, in the words of the protocol.
    func text(of seqs: [Seq]) -> String {
        let scan = "\"scanId\":\"\(self.scanID.text)\""
        let texts = seqs.map { "\"seq\":\($0),\(String(buffer: self.message($0).body))" }
        guard texts.count > 1 else {
            return "{\(scan),\(texts[0])"
        }
        return "{\"type\":\"batch\",\(scan),\"messages\":[\(texts.map { "{" + $0 }.joined(separator: ","))]}"
    }
}
