internal import Foundation
package import NIOCore
package import SluiceBase
package import SluiceRelay

/// Requests to JetStream over one connection.
///
/// Loop-confined. Answers that only a stream's leader gives are reported to ``leaderAnswered``, which shows that there
/// is a leader.
package final class JetStream {
    /// The error that JetStream answered.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package var code: Int
        package var text: String

        package var description: String { "\(self.text) (\(self.code))" }

        /// The sequence that stands in the text of a refused write; nil where none does.
        package var wrongLast: UInt64? {
            let text = "wrong last sequence: "
            return self.code == 10071 && self.text.hasPrefix(text) ? UInt64(self.text.dropFirst(text.count)) : nil
        }
    }

    package enum Failure: Error, Equatable {
        case fault(Fault)
        case unavailable
    }

    /// A sequence that no stream comes to, and that a server still reads as one.
    private static let unreached = UInt64(1) << 62

    private enum Code {
        static let wrongLast = [10071, 10164]
        static let messageTooLarge = 10054
        static let notFound = 10037
    }

    private static let requestTimeout = TimeAmount.seconds(1)
    private static let pageTimeout = TimeAmount.seconds(5)
    private static let consumerTimeout = TimeAmount.seconds(2)
    /// A consumer that was just made may not be known to all servers: how long to wait before it is asked again, and how
    /// often.
    private static let consumerWait = TimeAmount.milliseconds(20)
    private static let consumerAttempts = 10
    private static let pauseWithoutRoom = TimeAmount.seconds(60)
    /// The most records of a page.
    private static let pageCount = 256

    private let connection: NATSConnection
    private let subjects: Subjects
    /// No write is made for the sake of its refusal before; nil while there is no reason for that.
    private var asksForRecordsUntil: NIODeadline?
    /// Called when the leader of a shard's stream has answered.
    package var leaderAnswered: (_ shard: Int) -> Void = { _ in }

    package init(_ connection: NATSConnection, subjects: Subjects) {
        self.connection = connection
        self.subjects = subjects
    }

    // MARK: Records

    package func publish(
        _ headers: MessageHeaders,
        _ body: ByteBuffer,
        to subject: String,
        shard: Int? = nil,
        expected: UInt64?,
        then: @escaping (AppendMachine.Answer) -> Void
    ) {
        var headers = headers
        headers["Nats-Expected-Last-Subject-Sequence"] = expected.map { String($0) }
        self.connection.request(subject, headers: headers, body, timeout: Self.requestTimeout) { result in
            guard case .success(let message) = result, let answer = Self.json(message.payload) else {
                then(.unanswered)
                return
            }
            shard.map { self.leaderAnswered($0) }
            guard let fault = Self.fault(answer) else {
                then(answer["seq"]?.integer == nil ? .failed : .stored)
                return
            }
            if Code.wrongLast.contains(fault.code) {
                then(.refused)
            } else {
                then(fault.code == Code.messageTooLarge ? .tooLarge : .failed)
            }
        }
    }

    /// The newest record of a subject, as the stream's leader has it; nil where there is none.
    package func last(
        of subject: String,
        in stream: String,
        shard: Int?,
        then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void
    ) {
        var json = JSONWriter()
        json.beginObject()
        json.member("last_by_subj", subject)
        json.endObject()
        self.get(json.buffer, in: stream, shard: shard, then: then)
    }

    /// The sequence of a subject's newest record, as the stream's leader has it; 0 where there is none.
    ///
    /// An API that names it without sending the record there is not: the refusal of a write that expects a number which
    /// is never reached does.
    package func newest(
        of subject: String,
        in stream: String,
        shard: Int,
        then: @escaping (Result<UInt64, LogUnavailable>) -> Void
    ) {
        let askForRecord = {
            self.last(of: subject, in: stream, shard: shard) { then($0.map { $0?.sequence ?? 0 }) }
        }
        let now = self.connection.eventLoop.now
        guard now >= self.asksForRecordsUntil ?? now else {
            askForRecord()
            return
        }
        var headers = MessageHeaders()
        headers["Nats-Expected-Last-Subject-Sequence"] = String(Self.unreached)
        self.connection.request(subject, headers: headers, ByteBuffer(), timeout: Self.requestTimeout) { result in
            guard case .success(let message) = result, let answer = Self.json(message.payload),
                let fault = Self.fault(answer)
            else {
                then(.failure(LogUnavailable()))
                return
            }
            if let sequence = fault.wrongLast {
                self.leaderAnswered(shard)
                then(.success(sequence))
                return
            }
            if !Code.wrongLast.contains(fault.code) {
                // A server without room gives up its leadership at each write.
                self.asksForRecordsUntil = self.connection.eventLoop.now + Self.pauseWithoutRoom
            }
            // While a record is on its way the refusal names none.
            askForRecord()
        }
    }

    /// The first record of subjects from a sequence on, by the word of the stream's leader.
    package func next(
        of subjects: String,
        in stream: String,
        from sequence: UInt64,
        then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void
    ) {
        var json = JSONWriter()
        json.beginObject()
        json.member("seq", Int(clamping: sequence))
        json.member("next_by_subj", subjects)
        json.endObject()
        self.get(json.buffer, in: stream, shard: nil, then: then)
    }

    private func get(
        _ request: ByteBuffer,
        in stream: String,
        shard: Int?,
        then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void
    ) {
        self.connection.request(
            "$JS.API.STREAM.MSG.GET.\(stream)",
            request,
            timeout: Self.requestTimeout
        ) { result in
            guard case .success(let message) = result, let answer = Self.json(message.payload) else {
                then(.failure(LogUnavailable()))
                return
            }
            if let fault = Self.fault(answer) {
                if fault.code == Code.notFound {
                    shard.map { self.leaderAnswered($0) }
                    then(.success(nil))
                } else {
                    then(.failure(LogUnavailable()))
                }
                return
            }
            shard.map { self.leaderAnswered($0) }
            guard let message = answer["message"].flatMap(Self.message) else {
                then(.failure(LogUnavailable()))
                return
            }
            then(.success(message))
        }
    }

    /// Records of a subject from a sequence on, from whichever server, one of them at least; true where it had no more.
    package func read(
        _ subject: String,
        in stream: String,
        from sequence: UInt64,
        maximumBytes: Int,
        each: @escaping (LogMessage) -> Void,
        then: @escaping (Result<Bool, LogUnavailable>) -> Void
    ) {
        var json = JSONWriter()
        json.beginObject()
        json.member("seq", Int(clamping: sequence))
        json.member("next_by_subj", subject)
        json.member("batch", Self.pageCount)
        json.member("max_bytes", maximumBytes)
        json.endObject()
        // Any server that has the stream answers, and one that stands still may be asked as long as others list it.
        self.connection.requestMany(
            "$JS.API.DIRECT.GET.\(stream)",
            json.buffer,
            timeout: Self.requestTimeout
        ) { result in
            guard case .success(let message) = result else {
                then(.failure(LogUnavailable()))
                return false
            }
            switch message.status {
            case nil:
                guard let sequence = message.headers["Nats-Sequence"].flatMap(UInt64.init) else {
                    then(.failure(LogUnavailable()))
                    return false
                }
                each(LogMessage(sequence: sequence, headers: message.headers, body: message.payload))
                return true
            case 204:
                then(.success(message.headers["Nats-Num-Pending"].map { $0 == "0" } ?? true))
            case 404:
                then(.success(true))
            default:
                then(.failure(LogUnavailable()))
            }
            return false
        }
    }

    /// Forgets all records of a subject before one; all that there are before the greatest number.
    package func purge(
        _ subject: String,
        in stream: String,
        before sequence: UInt64,
        then: @escaping (Result<Void, Failure>) -> Void
    ) {
        var json = JSONWriter()
        json.beginObject()
        json.member("filter", subject)
        if sequence < .max {
            json.member("seq", Int(clamping: sequence))
        }
        json.endObject()
        self.ask("STREAM.PURGE.\(stream)", json.buffer) { then($0.map { _ in }) }
    }

    // MARK: Streams

    /// The sequence before which a shard's records will soon be gone.
    ///
    /// They are older than a time, or, where the stream is three quarters full, in the oldest eighth. 0 where there are
    /// none; nil where nothing is answered.
    package func oldPart(ofShard shard: Int, olderThan time: WallTime, then: @escaping (UInt64?) -> Void) {
        let stream = self.subjects.stream(shard)
        self.ask("STREAM.INFO.\(stream)", ByteBuffer(), timeout: Self.requestTimeout) { result in
            guard case .success(let info) = result, let state = info["state"],
                let first = state["first_seq"]?.integer, let last = state["last_seq"]?.integer,
                let bytes = state["bytes"]?.integer, let limit = info["config"]?["max_bytes"]?.integer,
                first <= last + 1
            else {
                then(nil)
                return
            }
            let isFull = limit > 0 && bytes / 3 > limit / 4
            let eighth = isFull ? first + (last + 1 - first) / 8 : 0
            self.first(ofShard: shard, since: time) { answer in
                // Where none is younger, all of them are old.
                then(answer.map { UInt64(clamping: max(eighth, $0 ?? last + 1)) })
            }
        }
    }

    /// The first record of a shard since a time; nil within where all are older, nil where nothing is answered.
    private func first(ofShard shard: Int, since time: WallTime, then: @escaping (Int??) -> Void) {
        let date = Date(timeIntervalSince1970: Double(time.milliseconds) / 1000)
        var json = JSONWriter()
        json.beginObject()
        json.member("start_time", date.ISO8601Format())
        json.member("next_by_subj", self.subjects.logs(shard))
        json.member("batch", 1)
        json.endObject()
        var found: Int?
        self.connection.requestMany(
            "$JS.API.DIRECT.GET.\(self.subjects.stream(shard))",
            json.buffer,
            timeout: Self.requestTimeout
        ) { result in
            guard case .success(let message) = result else {
                then(nil)
                return false
            }
            switch message.status {
            case nil:
                found = message.headers["Nats-Sequence"].flatMap { Int($0) }
                return true
            case 204, 404:
                then(.some(found))
            default:
                then(nil)
            }
            return false
        }
    }

    /// Asks the API; an answer that is a fault fails.
    package func ask(
        _ what: String,
        _ payload: ByteBuffer,
        timeout: TimeAmount = .seconds(5),
        then: @escaping (Result<JSONNode, Failure>) -> Void
    ) {
        self.connection.request("$JS.API.\(what)", payload, timeout: timeout) { result in
            guard case .success(let message) = result, let answer = Self.json(message.payload) else {
                then(.failure(.unavailable))
                return
            }
            then(Self.fault(answer).map { .failure(.fault($0)) } ?? .success(answer))
        }
    }

    /// The newest record of each scan of a shard whose channel has not ended, headers only.
    ///
    /// They are read as they come, and no more than a page of them at a time.
    package func heads(
        ofShard shard: Int,
        then: @escaping (Result<[RecordHeader], Failure>) -> Void
    ) {
        let stream = self.subjects.stream(shard)
        var json = JSONWriter()
        json.beginObject()
        json.member("stream_name", stream)
        json.name("config")
        json.beginObject()
        json.member("deliver_policy", "last_per_subject")
        json.member("ack_policy", "none")
        json.member("headers_only", true)
        json.member("mem_storage", true)
        json.member("num_replicas", 1)
        json.member("inactive_threshold", 10_000_000_000)
        json.member("filter_subject", self.subjects.logs(shard))
        json.endObject()
        json.endObject()
        self.ask("CONSUMER.CREATE.\(stream)", json.buffer, timeout: Self.consumerTimeout) { result in
            switch result {
            case .failure(let failure): then(.failure(failure))
            case .success(let answer):
                guard let name = answer["name"]?.string else {
                    then(.failure(.unavailable))
                    return
                }
                self.leaderAnswered(shard)
                let count = answer["num_pending"]?.integer ?? .max
                guard count > 0 else {
                    then(.success([]))
                    return
                }
                self.fetch(stream, name, HeadList(count: count)) { heads in
                    self.ask("CONSUMER.DELETE.\(stream).\(name)", ByteBuffer()) { _ in }
                    then(heads)
                }
            }
        }
    }

    private func fetch(
        _ stream: String,
        _ consumer: String,
        _ earlier: HeadList,
        attempt: Int = 1,
        then: @escaping (Result<[RecordHeader], Failure>) -> Void
    ) {
        var json = JSONWriter()
        json.beginObject()
        json.member("batch", Self.pageCount)
        json.member("expires", 3_000_000_000)
        json.endObject()
        var heads = earlier
        var count = 0
        self.connection.requestMany(
            "$JS.API.CONSUMER.MSG.NEXT.\(stream).\(consumer)",
            json.buffer,
            timeout: Self.pageTimeout,
            isPull: true
        ) { [weak self] result in
            if case .failure(.noResponders) = result, attempt < Self.consumerAttempts, let self {
                self.connection.eventLoop.assumeIsolated()
                    .scheduleTask(in: Self.consumerWait) {
                        self.fetch(stream, consumer, earlier, attempt: attempt + 1, then: then)
                    }
                return false
            }
            guard case .success(let message) = result, let self else {
                then(.failure(.unavailable))
                return false
            }
            if let status = message.status {
                then(.failure(.fault(Fault(code: status, text: "no records are sent"))))
                return false
            }
            // $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>
            let words = message.reply?.split(separator: ".") ?? []
            guard words.count >= 9, let sequence = UInt64(words[words.count - 4]),
                let pending = Int(words[words.count - 1])
            else {
                then(.failure(.unavailable))
                return false
            }
            count += 1
            if heads.take(message.headers, of: message.subject, at: sequence, pending: pending) {
                then(.success(heads.headers))
                return false
            }
            if count == Self.pageCount {
                self.fetch(stream, consumer, heads, then: then)
                return false
            }
            return true
        }
    }

    // MARK: Forms

    package static func json(_ payload: ByteBuffer) -> JSONNode? {
        try? JSONReader.read(Array(payload.readableBytesView))
    }

    private static func fault(_ answer: JSONNode) -> Fault? {
        guard let error = answer.present("error") else {
            return nil
        }
        return Fault(
            code: error["err_code"]?.integer ?? error["code"]?.integer ?? 0,
            text: error["description"]?.string ?? "unknown error"
        )
    }

    private static func message(_ node: JSONNode) -> LogMessage? {
        guard let sequence = node["seq"]?.integer.flatMap({ UInt64(exactly: $0) }) else {
            return nil
        }
        let head = node["hdrs"]?.string.flatMap { Data(base64Encoded: $0) } ?? Data()
        let data = node["data"]?.string.flatMap { Data(base64Encoded: $0) } ?? Data()
        var headers = MessageHeaders()
        if !head.isEmpty {
            guard let read = try? NATSParser.headers(ByteBuffer(bytes: head)) else {
                return nil
            }
            headers = read.0
        }
        return LogMessage(sequence: sequence, headers: headers, body: ByteBuffer(bytes: data))
    }
}
