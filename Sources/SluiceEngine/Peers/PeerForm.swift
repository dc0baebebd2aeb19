package import NIOCore
package import SluiceAdmission
package import SluiceBase

/// What nodes say to each other, as bytes: one JSON object, with who says it and, but for what all hear, to whom.
///
/// What is not understood is dropped: a node of another version says more, or less.
package enum PeerForm {
    package enum Question: Equatable, Sendable {
        case disconnect(Disconnection, ageMilliseconds: Int)
        case subscribers
    }

    package enum Answer: Equatable, Sendable {
        case count(Int)
        case subscribers([ScanID: Int])
    }

    package enum Content: Equatable, Sendable {
        case connections([SharedConnections.Message])
        case shares([RateShare])
        /// There is a new fact to be read.
        case fact
        case question(Question, number: Int)
        case answer(Answer, number: Int, isLast: Bool)
    }

    package struct Letter: Equatable, Sendable {
        package var from: PeerID
        /// Nil for all.
        package var to: PeerID?
        package var content: Content

        package init(from: PeerID, to: PeerID?, content: Content) {
            self.from = from
            self.to = to
            self.content = content
        }
    }

    package static func bytes(_ letter: Letter) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("from", letter.from.text)
        json.member("to", ifPresent: letter.to?.text)
        switch letter.content {
        case .connections(let messages):
            json.name("connections")
            json.beginArray()
            for message in messages {
                self.write(message, into: &json)
            }
            json.endArray()
        case .shares(let shares):
            json.name("shares")
            json.beginArray()
            for share in shares {
                json.beginArray()
                json.value(share.limit)
                json.value(share.key)
                json.value(share.count)
                json.endArray()
            }
            json.endArray()
        case .fact:
            json.member("fact", true)
        case .question(let question, let number):
            json.member("question", number)
            self.write(question, into: &json)
        case .answer(let answer, let number, let isLast):
            json.member("answer", number)
            json.member("last", isLast)
            self.write(answer, into: &json)
        }
        json.endObject()
        return json.buffer
    }

    package static func letter(_ bytes: ByteBuffer) -> Letter? {
        guard let json = JetStream.json(bytes), let from = json["from"]?.string.flatMap(Self.peer) else {
            return nil
        }
        let to = json["to"]?.string.flatMap(Self.peer)
        guard to != nil || json["to"] == nil, let content = self.content(json, from: from) else {
            return nil
        }
        return Letter(from: from, to: to, content: content)
    }

    private static func content(_ json: JSONNode, from: PeerID) -> Content? {
        if let messages = json["connections"] {
            return .connections(messages.elements.compactMap { self.message($0.elements, from: from) })
        }
        if let shares = json["shares"] {
            return .shares(
                shares.elements.compactMap { share in
                    let parts = share.elements
                    guard parts.count == 3, let limit = parts[0].string, let key = parts[1].string,
                        let count = parts[2].integer, count > 0
                    else {
                        return nil
                    }
                    return RateShare(limit: limit, key: key, count: count)
                }
            )
        }
        if json["fact"] != nil {
            return .fact
        }
        if let number = json["question"]?.integer {
            return self.question(json).map { .question($0, number: number) }
        }
        if let number = json["answer"]?.integer {
            return self.answer(json).map { .answer($0, number: number, isLast: json["last"]?.value == .bool(true)) }
        }
        return nil
    }

    private static func peer(_ text: String) -> PeerID? {
        Subjects.isNode(text) ? PeerID(text) : nil
    }

    // MARK: Questions

    private static func write(_ question: Question, into json: inout JSONWriter) {
        switch question {
        case .disconnect(let disconnection, let age):
            switch disconnection {
            case .user(let name): json.member("user", name.text)
            case .ingestKey(let name): json.member("ingest_key", name.text)
            }
            json.member("age", age)
        case .subscribers:
            json.member("subscribers", true)
        }
    }

    private static func question(_ json: JSONNode) -> Question? {
        if let age = json["age"]?.integer {
            let user = json["user"]?.string.map { Disconnection.user(ByteName($0)) }
            let key = json["ingest_key"]?.string.map { Disconnection.ingestKey(ByteName($0)) }
            return (user ?? key).map { .disconnect($0, ageMilliseconds: max(0, age)) }
        }
        return json["subscribers"] == nil ? nil : .subscribers
    }

    private static func write(_ answer: Answer, into json: inout JSONWriter) {
        switch answer {
        case .count(let count):
            json.member("count", count)
        case .subscribers(let counts):
            json.name("subscribers")
            json.beginArray()
            for (id, count) in counts {
                json.value(id.text)
                json.value(count)
            }
            json.endArray()
        }
    }

    private static func answer(_ json: JSONNode) -> Answer? {
        if let count = json["count"]?.integer {
            return .count(self.clamped(count))
        }
        guard let parts = json["subscribers"]?.elements else {
            return nil
        }
        var counts: [ScanID: Int] = [:]
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            if let id = parts[index].string.flatMap({ ScanID($0) }), let count = parts[index + 1].integer, count > 0 {
                counts[id] = self.clamped(count)
            }
        }
        return .subscribers(counts)
    }

    /// Sums of what many nodes say do not overflow.
    private static func clamped(_ count: Int) -> Int { min(max(0, count), Int(Int32.max)) }

    // MARK: Connections

    /// The most connections of one key that a node tells of: with more of them a letter would be too long for a server.
    private static let maximumNames = 20_000

    /// About how many bytes a message takes in a letter.
    package static func byteCount(of message: SharedConnections.Message) -> Int {
        switch message {
        case .ask(let key, _, _), .answer(let key, _, _), .release(let key, _), .tell(let key): 100 + self.length(key)
        case .told(let key, let names, _): 100 + self.length(key) + min(names.count, self.maximumNames) * 32
        case .close, .tellAll: 40
        }
    }

    private static func length(_ key: SharedConnections.Key) -> Int {
        if case .user(let name) = key { name.text.utf8.count } else { 24 }
    }

    private static func write(_ message: SharedConnections.Message, into json: inout JSONWriter) {
        json.beginArray()
        switch message {
        case .ask(let key, let name, let terms):
            json.value("ask")
            self.write(key, into: &json)
            json.value(Int(clamping: name.id))
            json.value(Int(clamping: name.since))
            json.value(terms.limit)
            json.value(terms.closesOldest)
        case .answer(let key, let id, let isAdmitted):
            json.value("answer")
            self.write(key, into: &json)
            json.value(Int(clamping: id))
            json.value(isAdmitted)
        case .release(let key, let id):
            json.value("release")
            self.write(key, into: &json)
            json.value(Int(clamping: id))
        case .tell(let key):
            json.value("tell")
            self.write(key, into: &json)
        case .tellAll:
            json.value("tell all")
        case .told(let key, let names, let isNews):
            json.value("told")
            self.write(key, into: &json)
            json.value(isNews)
            for name in names.prefix(Self.maximumNames) {
                json.value(Int(clamping: name.id))
                json.value(Int(clamping: name.since))
            }
        case .close(let id, let isReplaced):
            json.value("close")
            json.value(Int(clamping: id))
            json.value(isReplaced)
        }
        json.endArray()
    }

    private static func write(_ key: SharedConnections.Key, into json: inout JSONWriter) {
        switch key {
        case .user(let name): json.value("u:" + name.text)
        case .address(let address): json.value("a:" + address.text)
        }
    }

    private static func message(_ parts: [JSONNode], from: PeerID) -> SharedConnections.Message? {
        guard let word = parts.first?.string else {
            return nil
        }
        if word == "close" {
            guard parts.count >= 3, let id = self.id(parts[1]) else {
                return nil
            }
            return .close(id, isReplaced: parts[2].value == .bool(true))
        }
        guard word != "tell all" else {
            return .tellAll
        }
        guard parts.count >= 2, let key = parts[1].string.flatMap(Self.key) else {
            return nil
        }
        let rest = parts.dropFirst(2)
        switch word {
        case "ask":
            guard parts.count >= 6, let name = self.names(rest.prefix(2), of: from).first,
                let limit = parts[4].integer, limit > 0
            else {
                return nil
            }
            let terms = SharedConnections.Terms(limit: limit, closesOldest: parts[5].value == .bool(true))
            return .ask(key, name, terms)
        case "answer":
            guard parts.count >= 4, let id = self.id(parts[2]) else {
                return nil
            }
            return .answer(key, id, isAdmitted: parts[3].value == .bool(true))
        case "release":
            return rest.first.flatMap(Self.id).map { .release(key, $0) }
        case "tell":
            return .tell(key)
        case "told":
            return .told(key, self.names(rest.dropFirst(), of: from), isNews: rest.first?.value == .bool(true))
        default:
            return nil
        }
    }

    private static func key(_ text: String) -> SharedConnections.Key? {
        // By bytes: what follows may combine with the colon.
        let rest = String(text.unicodeScalars.dropFirst(2))
        if text.utf8.starts(with: "u:".utf8) {
            return .user(ByteName(rest))
        }
        return text.utf8.starts(with: "a:".utf8) ? AddressKey(keyText: rest).map { .address($0) } : nil
    }

    private static func id(_ node: JSONNode) -> ConnectionLimits.ID? {
        node.integer.flatMap { ConnectionLimits.ID(exactly: $0) }
    }

    private static func names(_ parts: ArraySlice<JSONNode>, of node: PeerID) -> [SharedConnections.Name] {
        stride(from: parts.startIndex, to: parts.endIndex - 1, by: 2)
            .compactMap { index in
                guard let id = self.id(parts[index]), let since = parts[index + 1].integer else {
                    return nil
                }
                return SharedConnections.Name(node: node, id: id, since: Int64(since))
            }
    }
}
