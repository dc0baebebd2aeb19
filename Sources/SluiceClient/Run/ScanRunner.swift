import NIOPosix
import SluiceBase
import SluiceSystem

/// Runs a scanner, posts its findings to the gateway, and always ends the scan.
///
/// The gateway never harms the scanner: its output is passed on at once, and while the gateway is away messages wait or
/// are dropped, but nothing waits for them.
package struct ScanRunner: Sendable {
    /// The command to run, and the scan to post to.
    package struct Options: Sendable {
        /// The scan's id, see ``ScanID``.
        package var scanID: String

        /// The command and its arguments.
        package var command: [String]

        package var format: ScanFormat

        /// What the gateway is told of the scan before its first message.
        package var introduction: ScanIntroduction

        /// Words that the scan's first message has.
        package var tags: [String]

        package var connection: GatewayConnection

        /// How long to continue delivering after the scanner has ended.
        package var drainTimeout: Duration

        /// Whether signals sent to this process are passed to the scanner: at most one runner of a process can.
        package var forwardsSignals: Bool

        package init(
            scanID: String,
            command: [String],
            format: ScanFormat = .auto,
            introduction: ScanIntroduction = ScanIntroduction(),
            tags: [String] = [],
            connection: GatewayConnection,
            drainTimeout: Duration = .seconds(30),
            forwardsSignals: Bool = false
        ) {
            self.scanID = scanID
            self.command = command
            self.format = format
            self.introduction = introduction
            self.tags = tags
            self.connection = connection
            self.drainTimeout = drainTimeout
            self.forwardsSignals = forwardsSignals
        }
    }

    private let scanID: ScanID
    private let options: Options
    private let format: ScanFormat
    private let inherited: InheritedDescriptors
    private let output: @Sendable (ArraySlice<UInt8>, ScannerStream) -> Bool
    private let report: @Sendable (String) -> Void

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - options: The command to run.
    ///   - inherited: The files and pipes that it gets besides its standard streams.
    ///   - output: Takes the scanner's output, on a thread of each stream; returns whether it wants more.
    ///   - report: Takes lines about the delivery, for standard error.
    /// - Throws: If the id is none, or the command is missing.
    package init(
        options: Options,
        inherited: InheritedDescriptors = .atStart,
        output: @escaping @Sendable (ArraySlice<UInt8>, ScannerStream) -> Bool = PassThrough.write,
        report: @escaping @Sendable (String) -> Void
    ) throws(ClientError) {
        guard !options.command.isEmpty else { throw ClientError(.noCommand, "There is no command to run.") }
        self.scanID = try ScanID(checked: options.scanID)
        self.options = options
        self.inherited = inherited
        self.format = options.format == .auto ? ScannerCommand.format(of: options.command) : options.format
        self.output = output
        self.report = report
    }

    /// Runs the scanner to its end and delivers its output.
    ///
    /// If the task is cancelled, the scanner gets SIGTERM, and its scan still ends in good order.
    package func run() async -> RunOutcome {
        if let warning = self.options.connection.expiryWarning(now: WallTime.now().seconds) { self.report(warning) }
        let feed = ScanFeed(
            reader: OutputReader(translator: self.format.translator(scanID: self.scanID.text)),
            queue: PostQueue(limits: PostQueue.Limits(), now: .now)
        )
        feed.start(with: self.startMessage)
        let poster = ProgressPoster(connection: self.options.connection, scanID: self.scanID)
        let report = self.report
        let introduction = self.options.introduction
        // Not a child task: cancelling this task must not cancel the delivery of the scan's end.
        let delivery = Task {
            var loop = DeliveryLoop(feed: feed, poster: poster, introduction: introduction, report: report)
            return await loop.run()
        }
        // A reader of our output that goes away must not end us before the scan has ended.
        signal(SIGPIPE, SIG_IGN)
        let relay = self.options.forwardsSignals ? SignalRelay.install() : nil
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        let started = ContinuousClock.now
        let cutDelivery: @Sendable () -> Void = {
            feed.giveUp()
            // Also a request that is under way.
            delivery.cancel()
        }
        let status = await self.runScanner(feed: feed, pool: pool, relay: relay, cutDelivery: cutDelivery)
        let elapsed = (ContinuousClock.now - started) / .seconds(1)
        feed.finish(
            with: { newestType, errorTail in
                // A scanner that ends its scan itself has said so already.
                if status == .exited(0), newestType == "scanCompleted" { return nil }
                return status.message(
                    command: self.commandName,
                    elapsed: (elapsed * 1000).rounded() / 1000,
                    errorTail: errorTail
                )
            },
            deadline: .now + self.options.drainTimeout
        )
        let limit = Task {
            guard (try? await Task.sleep(for: self.options.drainTimeout)) != nil else { return }
            cutDelivery()
        }
        let refusedCount = await delivery.value
        limit.cancel()
        relay?.stop()
        await poster.shutdown()
        try? await pool.shutdownGracefully()
        return RunOutcome(status: status, refusedCount: refusedCount)
    }

    private func runScanner(
        feed: ScanFeed,
        pool: NIOThreadPool,
        relay: SignalRelay?,
        cutDelivery: @escaping @Sendable () -> Void
    ) async -> ScannerExit {
        do {
            let child = try ChildProcess.start(self.options.command, keeping: self.inherited)
            let session = ScannerSession(
                child: child,
                feed: feed,
                pool: pool,
                output: self.output,
                cutDelivery: cutDelivery
            )
            return await session.run(relay: relay)
        } catch {
            self.report("\(self.options.command[0]): \(error.reason)")
            return .notStarted(code: error.exitCode, reason: error.reason)
        }
    }

    private var commandName: String {
        self.options.command[0].split(separator: "/").last.map(String.init) ?? self.options.command[0]
    }

    private var startMessage: ProgressMessage {
        ProgressMessage("scanStarted") { object in
            object.member("command", self.options.command.joined(separator: " "))
            object.member("format", self.format.rawValue)
            object.member("name", ifPresent: self.options.introduction.name)
            if !self.options.tags.isEmpty { object.member("tags", self.options.tags) }
        }
    }
}
