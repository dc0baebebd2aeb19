import NIOCore
import SluiceBase
import SluiceRelay

extension EngineNode {
    /// What a node says of itself; `isLast` where it ends in order, and is not to be waited for.
    func json(isLast: Bool = false) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("name", self.name)
        json.member("instance", self.instance)
        json.member("version", self.version)
        json.member("connections", self.load.connections)
        json.member("scans", self.load.scans)
        json.member("draining", self.load.isDraining)
        json.member("since", Int(self.since))
        json.member("link", self.link)
        json.member("begun", self.changes.begun)
        json.member("ended", self.changes.ended)
        json.member("last", isLast)
        json.endObject()
        return json.buffer
    }

    /// What another process sent: its instance comes to stand in subjects, its name and version in logs and lists.
    init?(_ json: JSONNode) {
        guard let name = json["name"]?.string, let instance = json["instance"]?.string, Subjects.isNode(instance),
            Self.isVisible(name, maximumBytes: 256), let version = json["version"]?.string,
            Self.isVisible(version, maximumBytes: 64)
        else {
            return nil
        }
        self.init(
            name: name,
            instance: instance,
            version: version,
            load: EngineLoad(),
            since: Int64(json["since"]?.integer ?? 0)
        )
        self.link = json["link"]?.integer ?? 0
        // Sums of many do not overflow.
        let counts = [json["begun"], json["ended"]].map { min(max($0?.integer ?? 0, 0), 1 << 48) }
        self.changes = ScanChanges(begun: counts[0], ended: counts[1])
        self.load.connections = json["connections"]?.integer ?? 0
        self.load.scans = json["scans"]?.integer ?? 0
        self.load.isDraining = json["draining"]?.value == .bool(true)
    }

    /// As `node.name` may be.
    private static func isVisible(_ text: String, maximumBytes: Int) -> Bool {
        (1...maximumBytes).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

extension EngineStatus {
    /// Adds another loop's counters; a shard stays up only if that loop sees it up, too.
    mutating func add(_ other: EngineStatus) {
        self.voidRecords += other.voidRecords
        self.overtakenDrafts += other.overtakenDrafts
        self.repeatedDrafts += other.repeatedDrafts
        self.failedDrafts += other.failedDrafts
        self.reconnects += other.reconnects
        self.elections += other.elections
        self.openScans += other.openScans
        self.appendTimes.add(other.appendTimes)
        self.shards = zip(self.shards, other.shards).map { $0 && $1 }
    }
}
