extension LogPage {
    /// The page as frames, in order: gaps as lag notices, the messages between them together.
    ///
    /// - Parameters:
    ///   - reason: Why messages are missing.
    ///   - criticalAlone: Whether each critical message is a frame of its own, as it is live.
    /// - Returns: The frames' contents, in order.
    package func deliveries(_ reason: LagNotice.Reason, criticalAlone: Bool) -> [Delivery] {
        var deliveries: [Delivery] = []
        var run: [LogEntry] = []
        func endRun() {
            if !run.isEmpty {
                deliveries.append(.messages(run[...]))
                run.removeAll()
            }
        }
        for item in self.items {
            switch item {
            case .missed(let count, let since):
                endRun()
                deliveries.append(.lag(LagNotice(skippedCount: count, since: since, reason: reason)))
            case .entry(let entry) where criticalAlone && entry.message.fate == .critical:
                endRun()
                deliveries.append(.messages([entry]))
            case .entry(let entry):
                run.append(entry)
            }
        }
        endRun()
        return deliveries
    }
}
