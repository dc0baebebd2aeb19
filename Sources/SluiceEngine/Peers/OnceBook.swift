package import NIOCore
package import SluiceAdmission
import SluiceBase

/// Tickets in the stream of what may happen once: kept there, and used up there, by whichever node is first.
///
/// Loop-confined. A ticket is used up by creating a record beside it, which only one node can. Who does not hear whether
/// it was the first looks who was.
package final class OnceBook {
    private static let retryInterval = TimeAmount.milliseconds(100)
    private static let patience = TimeAmount.seconds(5)

    private let stream: JetStream
    private let subjects: Subjects
    private let eventLoop: any EventLoop

    package init(_ stream: JetStream, subjects: Subjects, eventLoop: any EventLoop) {
        self.stream = stream
        self.subjects = subjects
        self.eventLoop = eventLoop
    }

    package func mint(_ ticket: SealedTicket, then: @escaping (Result<Void, PeersUnavailable>) -> Void) {
        self.insist(until: self.eventLoop.now + Self.patience, then: then) { answered in
            // The same one again takes the place of itself.
            self.stream.publish(
                MessageHeaders(),
                ByteBuffer(bytes: ticket.sealed),
                to: self.subjects.ticket(ticket.digest),
                expected: nil
            ) { answered($0 == .stored ? .success(()) : .failure(PeersUnavailable())) }
        }
    }

    package func ticket(_ digest: String, then: @escaping (Result<[UInt8]?, PeersUnavailable>) -> Void) {
        guard Hexadecimal.bytes(digest)?.count == 32 else {
            then(.success(nil))
            return
        }
        self.insist(until: self.eventLoop.now + Self.patience, then: then) { answered in
            self.stream.last(of: self.subjects.ticket(digest), in: self.subjects.onceStream, shard: nil) { result in
                answered(
                    result.map { $0.map { Array($0.body.readableBytesView) } }
                        .mapError { _ in PeersUnavailable() }
                )
            }
        }
    }

    /// Asks again where nothing was answered: a connection goes to another server, or a leader is elected.
    private func insist<Value>(
        until deadline: NIODeadline,
        then: @escaping (Result<Value, PeersUnavailable>) -> Void,
        _ attempt: @escaping (@escaping (Result<Value, PeersUnavailable>) -> Void) -> Void
    ) {
        attempt { result in
            if case .failure = result, self.eventLoop.now + Self.retryInterval < deadline {
                self.eventLoop.assumeIsolated()
                    .scheduleTask(in: Self.retryInterval) { self.insist(until: deadline, then: then, attempt) }
            } else {
                then(result)
            }
        }
    }

    package func redeem(_ digest: String, then: @escaping (Result<Bool, PeersUnavailable>) -> Void) {
        let mark = ByteBuffer(string: RandomText.make(byteCount: 16))
        let subject = self.subjects.usedTicket(digest)
        self.insist(until: self.eventLoop.now + Self.patience, then: then) { answered in
            self.stream.publish(MessageHeaders(), mark, to: subject, expected: 0) { answer in
                guard answer != .stored else {
                    answered(.success(true))
                    return
                }
                // Refused may also mean that an earlier attempt of this node's was stored and its answer lost.
                self.stream.last(of: subject, in: self.subjects.onceStream, shard: nil) { result in
                    if case .success(let used?) = result {
                        answered(.success(used.body == mark))
                    } else {
                        answered(.failure(PeersUnavailable()))
                    }
                }
            }
        }
    }
}
