package import NIOCore
import SluiceBase

/// Creates missing streams, and decides whether this gateway may use those that exist.
///
/// Loop-confined; used for one connection's lifetime.
package final class StreamSetup {
    /// The replicas and the bounds of the streams.
    package struct Retention: Sendable, Equatable {
        package var replicas: Int
        /// The greatest age of a record.
        package var maximumAge: TimeAmount
        /// The most bytes of all shards together.
        package var maximumBytes: Int

        package init(replicas: Int, maximumAge: TimeAmount, maximumBytes: Int) {
            self.replicas = replicas
            self.maximumAge = maximumAge
            self.maximumBytes = maximumBytes
        }
    }

    package enum Outcome: Sendable, Equatable {
        case ready
        /// It may pass, in words for the operator.
        case unavailable(String)
        /// It stays so until somebody changes something, in words for the operator.
        case refused(String)
    }

    /// The form of what is written in the streams.
    package static let format = 1
    private static let onceLifetime = TimeAmount.seconds(60)
    private static let onceBytes = 64 * 1024 * 1024
    private static let nameInUse = 10058
    private static let notFound = 10059
    /// Too few servers: of a server that stands alone, and of a cluster.
    private static let tooFewServers = [10074, 10005]

    private let stream: JetStream
    private let subjects: Subjects
    private let retention: Retention

    package init(_ stream: JetStream, subjects: Subjects, retention: Retention) {
        self.stream = stream
        self.subjects = subjects
        self.retention = retention
    }

    /// Whether a server may be used at all, by its version and its `max_payload`.
    package static func judge(_ info: ServerInfo, maximumMessageBytes: Int) -> Outcome {
        let needed = maximumMessageBytes + RecordLimits.overhead
        guard info.isAtLeast(2, 11) else {
            return .refused("\(info.name) is nats-server \(info.version); 2.11 or newer is needed")
        }
        guard info.maximumPayload >= needed else {
            return .refused(
                "max_payload of \(info.name) is \(info.maximumPayload), and messages of \(maximumMessageBytes) bytes "
                    + "need \(needed)"
            )
        }
        return .ready
    }

    package func run(then: @escaping (Outcome) -> Void) {
        self.make(self.subjects.factStream, self.factConfiguration) { outcome in
            guard outcome == .ready else {
                then(outcome)
                return
            }
            self.agree { outcome in
                guard outcome == .ready else {
                    then(outcome)
                    return
                }
                self.makeOthers(then: then)
            }
        }
    }

    private func makeOthers(then: @escaping (Outcome) -> Void) {
        self.make(self.subjects.onceStream, self.onceConfiguration) { outcome in
            guard outcome == .ready else {
                then(outcome)
                return
            }
            self.makeShards(from: 0, then: then)
        }
    }

    private func makeShards(from shard: Int, then: @escaping (Outcome) -> Void) {
        guard shard < self.subjects.shardCount else {
            then(.ready)
            return
        }
        self.make(self.subjects.stream(shard), self.configuration(ofShard: shard)) { outcome in
            if outcome == .ready {
                self.makeShards(from: shard + 1, then: then)
            } else {
                then(outcome)
            }
        }
    }

    /// Writes down the format and the number of shards, or compares them with what another node wrote first.
    private func agree(then: @escaping (Outcome) -> Void) {
        let wanted = #"{"format":\#(Self.format),"shards":\#(self.subjects.shardCount)}"#
        let subject = self.subjects.metaFact
        self.stream.publish(
            MessageHeaders(),
            ByteBuffer(string: wanted),
            to: subject,
            shard: nil,
            expected: 0
        ) { answer in
            if answer == .stored {
                then(.ready)
            } else {
                self.compare(then: then)
            }
        }
    }

    /// Checks whether this gateway may use the existing streams, and creates none.
    package func look(then: @escaping (Outcome) -> Void) {
        self.stream.ask("STREAM.INFO.\(self.subjects.factStream)", ByteBuffer()) { result in
            switch result {
            case .success:
                self.compare(then: then)
            case .failure(.fault(let fault)) where fault.code == Self.notFound:
                // The first gateway creates the streams.
                then(.ready)
            case .failure:
                then(self.outcome(of: result, self.subjects.factStream))
            }
        }
    }

    private func compare(then: @escaping (Outcome) -> Void) {
        let subject = self.subjects.metaFact
        self.stream.last(of: subject, in: self.subjects.factStream, shard: nil) { result in
            guard case .success(let message?) = result, let fact = JetStream.json(message.body) else {
                then(.unavailable("\(subject) cannot be read"))
                return
            }
            then(self.judge(fact))
        }
    }

    private func judge(_ fact: JSONNode) -> Outcome {
        let (format, shards) = (fact["format"]?.integer ?? 0, fact["shards"]?.integer ?? 0)
        guard format == Self.format else {
            return .refused(
                "the streams of \(self.subjects.name) have format \(format), and this program writes \(Self.format)"
            )
        }
        guard shards == self.subjects.shardCount else {
            return .refused(
                "the streams of \(self.subjects.name) were made with engine.nats.shards: \(shards), and this gateway "
                    + "has \(self.subjects.shardCount)"
            )
        }
        return .ready
    }

    private func make(_ name: String, _ configuration: ByteBuffer, then: @escaping (Outcome) -> Void) {
        self.stream.ask("STREAM.CREATE.\(name)", configuration) { result in
            switch result {
            case .success:
                then(.ready)
            case .failure(.fault(let fault)) where fault.code == Self.nameInUse:
                // The stream exists with other settings; these replace them.
                self.stream.ask("STREAM.UPDATE.\(name)", configuration) { then(self.outcome(of: $0, name)) }
            case .failure:
                then(self.outcome(of: result, name))
            }
        }
    }

    private func outcome(of result: Result<JSONNode, JetStream.Failure>, _ name: String) -> Outcome {
        switch result {
        case .success:
            .ready
        case .failure(.unavailable):
            .unavailable("no answer about stream \(name)")
        case .failure(.fault(let fault)) where Self.tooFewServers.contains(fault.code):
            .refused("fewer servers than engine.nats.replicas: \(self.retention.replicas): \(fault)")
        case .failure(.fault(let fault)):
            .unavailable("stream \(name): \(fault)")
        }
    }

    private var factConfiguration: ByteBuffer {
        self.configuration(self.subjects.factStream, [self.subjects.facts]) { json in
            json.member("max_msgs_per_subject", 1)
            // Revocations go once the tokens that they end have ended by themselves.
            json.member("allow_msg_ttl", true)
        }
    }

    /// Tickets, and which of them were used: each longer than a ticket lives, and what is beyond the limit is refused.
    private var onceConfiguration: ByteBuffer {
        self.configuration(self.subjects.onceStream, [self.subjects.once], storage: "memory", discard: "new") { json in
            json.member("max_msgs_per_subject", 1)
            json.member("max_age", Int(Self.onceLifetime.nanoseconds))
            json.member("max_bytes", Self.onceBytes)
        }
    }

    private func configuration(ofShard shard: Int) -> ByteBuffer {
        self.configuration(self.subjects.stream(shard), [self.subjects.logs(shard)]) { json in
            json.member("max_age", Int(self.retention.maximumAge.nanoseconds))
            json.member("max_bytes", self.retention.maximumBytes / self.subjects.shardCount)
            json.name("republish")
            json.beginObject()
            json.member("src", self.subjects.logs(shard))
            json.member("dest", self.subjects.lives(shard))
            json.endObject()
        }
    }

    private func configuration(
        _ name: String,
        _ subjects: [String],
        storage: String = "file",
        discard: String = "old",
        _ more: (inout JSONWriter) -> Void
    ) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("name", name)
        json.member("subjects", subjects)
        json.member("retention", "limits")
        json.member("discard", discard)
        json.member("storage", storage)
        json.member("num_replicas", self.retention.replicas)
        json.member("allow_direct", true)
        json.member("duplicate_window", 1_000_000_000)
        more(&json)
        json.endObject()
        return json.buffer
    }
}

/// The sizes of records.
package enum RecordLimits {
    /// The bytes of a record besides its messages: headers, names, answers.
    package static let overhead = 64 * 1024
}
