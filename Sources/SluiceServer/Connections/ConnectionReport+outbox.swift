internal import NIOCore
internal import SluiceHTTP
internal import SluiceRelay

extension ConnectionReport {
    /// Adds what the outbox, the channel, and where there is a relay to ask the scans' homes know.
    func completed(
        outbox: Outbox?,
        channel: (any Channel)?,
        subscribers: [Subscriber],
        relay: Relay?,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<ConnectionReport> {
        var report = self
        report.counts = outbox?.counts ?? Outbox.Counts()
        report.isWritable = outbox?.isWritable ?? false
        report.waitingBytes = (try? channel?.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        report.subscriptions = subscribers.map { Subscription(scanID: $0.scanID, cursor: $0.cursor) }
        guard let relay else {
            return eventLoop.makeSucceededFuture(report)
        }
        let known = report
        return EventLoopFuture.whenAllSucceed(subscribers.map { relay.report(on: $0, on: eventLoop) }, on: eventLoop)
            .map { homes in
                var report = known
                for (index, home) in homes.enumerated() {
                    report.subscriptions[index].home = home
                }
                return report
            }
    }
}
