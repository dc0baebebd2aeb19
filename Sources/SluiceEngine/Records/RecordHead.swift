package import SluiceBase
package import SluiceRelay

/// The headers of a record: its place in the chain, and enough of the scan for one row of the statistics.
///
/// ```
/// Sl: 1 kind epoch prev first count messages id base created heard completed note
/// ```
///
/// `first` is the seq of the record's first message, or of the next one where it has none; `base` is the sequence of
/// the record at which reading begins, 0 where it is this one; `note` is a carry's part (`2/9`), the reason of an end,
/// or `-`. Owner, name and fold have headers of their own. A record of another version is never read as this one.
package struct RecordHead: Sendable, Equatable {
    package static let version = "1"
    package static let name = "Sl"
    private static let ownerName = "Sl-Owner"
    private static let nameName = "Sl-Name"
    private static let foldName = "Sl-Fold"
    /// The most bytes of a fold in the headers; a larger one is left out.
    private static let maximumFoldBytes = 4096

    /// A part of a carry, counted from 1.
    package struct Part: Sendable, Equatable {
        package var index: Int
        package var count: Int

        package init(index: Int, count: Int) {
            self.index = index
            self.count = count
        }
    }

    package enum Kind: Sendable, Equatable {
        case messages
        case signOfLife
        /// The owner and the name.
        case names
        case carry(Part)
        case end(ScanEnd)
    }

    package var kind: Kind
    package var epoch: String
    /// The record that it was judged behind.
    package var prev: UInt64
    package var first: Seq
    package var count: Int
    /// The number of messages that the scan has had, including these.
    package var messageCount: Int
    /// Identifies the record, even where it is written twice.
    package var id: String
    package var base: UInt64
    package var times: ScanTimes
    package var owner: String?
    package var scanName: String?
    package var fold = ScanFold()

    /// The greatest sequence of a record: what is reckoned with sequences stays a whole number.
    private static let maximumSequence = UInt64(Int64.max) - 1

    /// Why headers are none of a record.
    package enum Fault: Error, Equatable {
        /// Another version of this program wrote it.
        case version(String)
        case malformed
    }

    /// The number of the newest message after it.
    package var head: Seq { self.first.previous.advanced(by: self.count) }

    package var end: ScanEnd? {
        if case .end(let end) = self.kind { end } else { nil }
    }

    package var headers: MessageHeaders {
        var headers = MessageHeaders()
        let (letter, note) = self.kind.text
        let numbers = [
            String(self.prev), String(self.first.rawValue), String(self.count), String(self.messageCount), self.id,
            String(self.base), String(self.times.created.milliseconds), String(self.times.heard.milliseconds),
            String(self.times.completed?.milliseconds ?? 0),
        ]
        headers.append(
            Self.name,
            ([Self.version, letter, self.epoch] + numbers + [note]).joined(separator: " ")
        )
        if let owner = self.owner {
            headers.append(Self.ownerName, MessageHeaders.escaped(owner))
        }
        if let name = self.scanName {
            headers.append(Self.nameName, MessageHeaders.escaped(name))
        }
        let fold = FoldForm.bytes(self.fold)
        if fold.count <= Self.maximumFoldBytes {
            headers.append(Self.foldName, Base64URL.encode(fold))
        }
        return headers
    }

    package init(
        kind: Kind,
        epoch: String,
        prev: UInt64,
        first: Seq,
        count: Int,
        messageCount: Int,
        id: String,
        base: UInt64,
        times: ScanTimes
    ) {
        self.kind = kind
        self.epoch = epoch
        self.prev = prev
        self.first = first
        self.count = count
        self.messageCount = messageCount
        self.id = id
        self.base = base
        self.times = times
    }

    /// Whether they are those of a record that ended its scan's channel, and can be passed over without being read.
    package static func isEnd(_ headers: MessageHeaders) -> Bool {
        headers[Self.name]?.hasPrefix("\(Self.version) \(Kind.endLetter) ") ?? false
    }

    /// - Parameters:
    ///   - headers: The record's.
    ///   - sequence: Its own: what it names stands before it.
    /// - Throws: Where they are none.
    package init(_ headers: MessageHeaders, at sequence: UInt64) throws(Fault) {
        guard let line = headers[Self.name] else {
            throw .malformed
        }
        let words = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard let version = words.first, version == Self.version else {
            throw .version(words.first.map(String.init) ?? "")
        }
        guard words.count == 13, let kind = Kind(String(words[1]), String(words[12])), let prev = UInt64(words[3]),
            let first = Seq(words[4]), first > 0, let count = Int(words[5]), count >= 0,
            let messageCount = Int(words[6]), messageCount >= count, messageCount <= StoredNumber.maximum,
            let base = UInt64(words[8]), (1...Self.maximumSequence).contains(sequence), prev < sequence,
            base < sequence,
            let created = WallTime(stored: Int64(words[9])), let heard = WallTime(stored: Int64(words[10])),
            let completed = WallTime(stored: Int64(words[11])), !words[2].isEmpty, !words[7].isEmpty,
            first.distance(to: .max) >= count
        else {
            throw .malformed
        }
        self.init(
            kind: kind,
            epoch: String(words[2]),
            prev: prev,
            first: first,
            count: count,
            messageCount: messageCount,
            id: String(words[7]),
            base: base,
            times: ScanTimes(
                created: created,
                heard: heard,
                completed: completed.milliseconds > 0 ? completed : nil
            )
        )
        self.owner = try Self.text(headers[Self.ownerName])
        self.scanName = try Self.text(headers[Self.nameName])
        if let fold = headers[Self.foldName].flatMap({ Base64URL.decode(Array($0.utf8)) }) {
            self.fold = FoldForm.fold(fold) ?? ScanFold()
        }
    }

    private static func text(_ value: String?) throws(Fault) -> String? {
        guard let value else {
            return nil
        }
        guard let text = MessageHeaders.unescaped(value) else {
            throw .malformed
        }
        return text
    }

    /// What the ids of all records of its node on one event loop begin with.
    package var writer: Substring {
        self.id.utf8.lastIndex(of: UInt8(ascii: "-")).map { self.id[...$0] } ?? self.id[...]
    }

    /// The row of the statistics that the record gives at its place.
    package func header(of id: ScanID, at place: UInt64) -> RecordHeader {
        let standing = ScanStanding(
            epoch: self.epoch,
            place: place,
            head: self.head,
            messageCount: self.messageCount,
            owner: self.owner,
            name: self.scanName
        )
        var header = RecordHeader(id: id, standing: standing, times: self.times, end: self.end, fold: self.fold)
        header.base = self.base == 0 ? place : self.base
        return header
    }
}

extension RecordHead.Kind {
    fileprivate static let endLetter = "x"

    /// The kind's letter, and its note.
    fileprivate var text: (letter: String, note: String) {
        switch self {
        case .messages: ("m", "-")
        case .signOfLife: ("h", "-")
        case .names: ("p", "-")
        case .carry(let part): ("c", "\(part.index)/\(part.count)")
        case .end(.completed): (Self.endLetter, "completed")
        case .end(.idle): (Self.endLetter, "idle")
        case .end(.deleted): (Self.endLetter, "deleted")
        }
    }

    fileprivate init?(_ letter: String, _ note: String) {
        switch (letter, note) {
        case ("m", "-"): self = .messages
        case ("h", "-"): self = .signOfLife
        case ("p", "-"): self = .names
        case (Self.endLetter, "completed"): self = .end(.completed)
        case (Self.endLetter, "idle"): self = .end(.idle)
        case (Self.endLetter, "deleted"): self = .end(.deleted)
        case ("c", _):
            let numbers = note.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
            guard numbers.count == 2, let index = numbers[0], let count = numbers[1], index > 0, index <= count else {
                return nil
            }
            self = .carry(RecordHead.Part(index: index, count: count))
        default: return nil
        }
    }
}
