package import NIOCore

/// What has become of an ingest request.
///
/// Most are taken or refused while they are handed over: nothing is made for an answer that is there at once.
package enum IngestOutcome {
    case taken(IngestReceipt)
    case refused(RelayRefusal)
    /// The answer comes later, on the loop of the request; it may fail with `RelayRefusal`.
    case pending(EventLoopFuture<IngestReceipt>)

    /// Passes the answer on when it is there.
    func settle(_ promise: EventLoopPromise<IngestReceipt>) {
        switch self {
        case .taken(let receipt): promise.succeed(receipt)
        case .refused(let refusal): promise.fail(refusal)
        case .pending(let future): future.cascade(to: promise)
        }
    }
}
