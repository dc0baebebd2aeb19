import Crypto
package import NIOCore
package import SluiceAdmission
package import SluiceBase

/// Revocations in the stream of facts: written there, and read from there by every node.
///
/// Loop-confined. It reads on from where it was whenever it is told to look, until the stream's leader says that there
/// is nothing more: other servers may be behind.
package final class FactBook {
    private static let retryInterval = TimeAmount.milliseconds(250)

    private let stream: JetStream
    private let subjects: Subjects
    private let eventLoop: any EventLoop
    private let apply: (KeptRevocation) -> Void
    private var last: UInt64 = 0
    private var isReading = false
    private var isToLookAgain = false
    private var waiting: [() -> Void] = []

    /// - Parameters:
    ///   - stream: Of the loop.
    ///   - subjects: What the stream of facts is called.
    ///   - eventLoop: Where all of it happens.
    ///   - apply: Told of each revocation, own ones too; perhaps more than once.
    package init(
        _ stream: JetStream,
        subjects: Subjects,
        eventLoop: any EventLoop,
        apply: @escaping (KeptRevocation) -> Void
    ) {
        self.stream = stream
        self.subjects = subjects
        self.eventLoop = eventLoop
        self.apply = apply
    }

    /// Reads what is new.
    ///
    /// - Parameter then: Called once everything was read that the leader has; never, where it does not answer: then this
    ///   is kept for the next look.
    package func look(then: (() -> Void)? = nil) {
        then.map { self.waiting.append($0) }
        guard !self.isReading else {
            self.isToLookAgain = true
            return
        }
        self.isReading = true
        self.isToLookAgain = false
        self.step()
    }

    private func step() {
        let subjects = self.subjects
        self.stream.next(of: subjects.revocations, in: subjects.factStream, from: self.last + 1) { result in
            switch result {
            case .failure:
                self.isReading = false
            case .success(nil):
                self.isReading = false
                guard !self.isToLookAgain else {
                    self.look()
                    return
                }
                let waiting = self.waiting
                self.waiting = []
                for then in waiting { then() }
            case .success(let message?):
                self.take(message)
                // Many at a time, from whichever server; what it lacks the leader has.
                self.stream.read(
                    subjects.revocations,
                    in: subjects.factStream,
                    from: self.last + 1,
                    maximumBytes: 1024 * 1024,
                    each: { self.take($0) },
                    then: { _ in self.step() }
                )
            }
        }
    }

    private func take(_ message: LogMessage) {
        self.last = max(self.last, message.sequence)
        if let kept = JetStream.json(message.body).flatMap(Self.revocation) {
            self.apply(kept)
        }
    }

    /// Writes a revocation, again and again until it is stored or its time is over.
    package func keep(
        _ kept: KeptRevocation,
        until deadline: NIODeadline,
        now: WallTime,
        then: @escaping (Bool) -> Void
    ) {
        let seconds = kept.keptUntil - now.seconds
        guard seconds >= 1 else {
            // What it ends has ended.
            then(true)
            return
        }
        let headers = MessageHeaders(["Nats-TTL": "\(Int(clamping: min(seconds, 1e9)))s"])
        self.stream.publish(
            headers,
            Self.bytes(kept),
            to: self.subjects.revocation(Self.digest(kept.revocation)),
            expected: nil
        ) { answer in
            if answer == .stored {
                then(true)
            } else if self.eventLoop.now + Self.retryInterval < deadline {
                self.eventLoop.assumeIsolated()
                    .scheduleTask(in: Self.retryInterval) {
                        self.keep(kept, until: deadline, now: now, then: then)
                    }
            } else {
                then(false)
            }
        }
    }

    // MARK: Forms

    /// Each revocation has a subject of its own: a later one of a user does not replace one that ends more.
    static func digest(_ revocation: Revocation) -> String {
        let text =
            switch revocation {
            case .tokenID(let tokenID): "jti \(tokenID.text)"
            case .subject(let subject, let issuedBefore): "sub \(issuedBefore) \(subject.text)"
            }
        return Hexadecimal.text(SHA256.hash(data: Array(text.utf8)))
    }

    package static func bytes(_ kept: KeptRevocation) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        switch kept.revocation {
        case .tokenID(let tokenID):
            json.member("jti", tokenID.text)
        case .subject(let subject, let issuedBefore):
            json.member("sub", subject.text)
            json.member("issuedBefore", issuedBefore)
        }
        json.member("until", kept.keptUntil)
        json.endObject()
        return json.buffer
    }

    package static func revocation(_ json: JSONNode) -> KeptRevocation? {
        guard let until = json["until"]?.double, until.isFinite else {
            return nil
        }
        if let tokenID = json["jti"]?.string {
            return KeptRevocation(.tokenID(ByteName(tokenID)), keptUntil: until)
        }
        guard let subject = json["sub"]?.string, let instant = json["issuedBefore"]?.double, instant.isFinite else {
            return nil
        }
        return KeptRevocation(.subject(ByteName(subject), issuedBefore: instant), keptUntil: until)
    }
}
