import SluiceBase

/// Records of a document of which the messages are still to be made, some at a time.
struct PendingRecords: Sendable {
    private struct Group: Sendable {
        let type: String
        let rule: RecordRule
        let places: [RecordPlace]
    }

    /// The document, which the records' ranges are in.
    private let bytes: [UInt8]
    private var groups: [Group] = []
    /// The next record.
    private var group = 0
    private var place = 0

    /// No records of a document.
    init(bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    var isEmpty: Bool { self.group == self.groups.count }

    /// Adds records that become messages of a type.
    mutating func append(_ places: [RecordPlace], by rule: RecordRule, type: String) {
        if !places.isEmpty {
            self.groups.append(Group(type: type, rule: rule, places: places))
        }
    }

    /// Makes the next messages, until they have so many bytes, at least one; the last one takes the document away.
    mutating func take(bytes limit: Int) -> [ProgressMessage] {
        var messages: [ProgressMessage] = []
        var byteCount = 0
        while !self.isEmpty, byteCount < limit {
            let group = self.groups[self.group]
            let message = self.message(of: group.places[self.place], group)
            byteCount += message.bytes.count
            messages.append(message)
            self.place += 1
            if self.place == group.places.count {
                self.place = 0
                self.group += 1
            }
        }
        if self.isEmpty {
            self = PendingRecords()
        }
        return messages
    }

    private func message(of place: RecordPlace, _ group: Group) -> ProgressMessage {
        let message = ProgressMessage(group.type) { object in
            for field in group.rule.fields { field.write(place, into: &object) }
        }
        // One that the gateway does not take would end as a loss.
        return message.bytes.count <= NDJSONLine.maximumMessageBytes
            ? message : .line(OutputLine(bytes: Array(self.bytes[place.record.range])))
    }
}
