package import Logging
package import NIOCore

/// Checks whether a gateway could use an engine, without changing anything.
package enum EngineProbe {
    private static let interval = TimeAmount.milliseconds(50)

    /// - Parameters:
    ///   - configuration: The gateway's configuration.
    ///   - eventLoop: The loop of the connection.
    ///   - timeout: How long the servers have to accept the connection.
    ///   - logger: For the connection.
    /// - Returns: What the setup of a gateway would find.
    package static func run(
        _ configuration: EngineConfiguration,
        on eventLoop: any EventLoop,
        timeout: TimeAmount,
        logger: Logger
    ) -> EventLoopFuture<StreamSetup.Outcome> {
        let promise = eventLoop.makePromise(of: StreamSetup.Outcome.self)
        eventLoop.execute {
            let connection = NATSConnection(configuration.connection, eventLoop: eventLoop, logger: logger)
            connection.start()
            Self.ask(connection, configuration, until: eventLoop.now + timeout) { outcome in
                connection.close()
                promise.succeed(outcome)
            }
        }
        return promise.futureResult
    }

    private static func ask(
        _ connection: NATSConnection,
        _ configuration: EngineConfiguration,
        until deadline: NIODeadline,
        then: @escaping (StreamSetup.Outcome) -> Void
    ) {
        guard let info = connection.info else {
            guard connection.eventLoop.now < deadline else {
                then(.unavailable(connection.failure ?? "no answer"))
                return
            }
            connection.eventLoop.assumeIsolated()
                .scheduleTask(in: Self.interval) { Self.ask(connection, configuration, until: deadline, then: then) }
            return
        }
        let judgement = StreamSetup.judge(info, maximumMessageBytes: configuration.maximumMessageBytes)
        guard judgement == .ready else {
            then(judgement)
            return
        }
        let stream = JetStream(connection, subjects: configuration.subjects)
        let setup = StreamSetup(stream, subjects: configuration.subjects, retention: configuration.retention)
        setup.look(then: then)
    }
}
