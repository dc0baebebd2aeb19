package import SluiceBase

/// The names of subjects and streams, under one prefix.
///
/// A scan's records are in one subject of one stream, its *shard*, which follows from the scan's id alone. All
/// processes therefore have to agree on the prefix and on the number of shards.
package struct Subjects: Sendable, Equatable {
    /// The prefix, as it appears in subjects; stream names have it in capitals.
    package let name: String
    /// The number of streams that share the scans.
    package let shardCount: Int

    /// - Parameters:
    ///   - name: See ``isAllowed(_:)``.
    ///   - shardCount: At least 1.
    package init(name: String, shardCount: Int) {
        precondition(Self.isAllowed(name) && shardCount > 0, "names and shards are checked where they enter")
        self.name = name
        self.shardCount = shardCount
    }

    /// Whether a text may be a prefix: 1 to 32 lower-case letters, digits and hyphens, so that its capitals are
    /// unambiguous.
    package static func isAllowed(_ name: String) -> Bool {
        self.isWord(name, maximumBytes: 32)
    }

    /// Whether a text that another process sent may stand in a subject for a node: lower-case letters, digits and
    /// hyphens, at most 64.
    package static func isNode(_ text: String) -> Bool {
        self.isWord(text, maximumBytes: 64)
    }

    private static func isWord(_ text: String, maximumBytes: Int) -> Bool {
        (1...maximumBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
    }

    /// The shard of a scan: 64-bit FNV-1a of its id.
    package func shard(of id: ScanID) -> Int {
        Int(StableHash.of(id.text) % UInt64(self.shardCount))
    }

    /// The stream of a shard.
    package func stream(_ shard: Int) -> String { "\(self.name.uppercased())_LOG_\(shard)" }

    /// The subjects that the stream of a shard stores.
    package func logs(_ shard: Int) -> String { "\(self.name).log.\(shard).*" }

    /// Where stored records are republished; the server replaces `{{wildcard(1)}}` by the scan's token.
    package func lives(_ shard: Int) -> String { "\(self.name).live.\(shard).{{wildcard(1)}}" }

    /// The subject of a scan's records.
    package func log(_ id: ScanID) -> String { "\(self.name).log.\(self.shard(of: id)).\(Self.token(id))" }

    /// The subject of the copies of a scan's records.
    package func live(_ id: ScanID) -> String { "\(self.name).live.\(self.shard(of: id)).\(Self.token(id))" }

    /// The stream of facts that all processes share.
    package var factStream: String { "\(self.name.uppercased())_FACT" }
    package var facts: String { "\(self.name).fact.>" }
    /// What was agreed on when the streams were made.
    package var metaFact: String { "\(self.name).fact.meta" }
    /// Tokens that have ended before their time.
    package var revocations: String { "\(self.name).fact.revoked.*" }
    package func revocation(_ digest: String) -> String { "\(self.name).fact.revoked.\(digest)" }

    /// The stream of what may happen once.
    package var onceStream: String { "\(self.name.uppercased())_ONCE" }
    package var once: String { "\(self.name).once.>" }
    package func ticket(_ digest: String) -> String { "\(self.name).once.ticket.\(digest)" }
    package func usedTicket(_ digest: String) -> String { "\(self.name).once.used.\(digest)" }

    /// Where nodes say that they are there.
    package var beats: String { "\(self.name).node.beat" }
    /// Where all nodes hear.
    package var allNodes: String { "\(self.name).node.all" }
    /// Where one node hears.
    package func node(_ instance: String) -> String { "\(self.name).node.\(instance).ask" }

    /// Where a node hears what it sends by way of each server.
    package func echo(_ instance: String) -> String { "\(self.name).node.echo.\(instance)" }

    /// A scan's name as one token of a subject: `.` parts tokens, and `%` is in no scan's name.
    package static func token(_ id: ScanID) -> String {
        var token = ""
        for character in id.text {
            token += character == "." ? "%2E" : String(character)
        }
        return token
    }

    /// The scan that the last token of a subject names; nil where it names none.
    package static func scan(ofSubject subject: String) -> ScanID? {
        guard let token = subject.split(separator: ".", omittingEmptySubsequences: false).last else {
            return nil
        }
        var name = ""
        var rest = token[...]
        while let first = rest.first {
            if rest.hasPrefix("%2E") {
                name += "."
                rest = rest.dropFirst(3)
            } else {
                name.append(first)
                rest = rest.dropFirst()
            }
        }
        return ScanID(name)
    }
}
