import NIOPosix
import SluiceSystem
import Synchronization

/// One scanner from its start to its end: its streams are read, signals are passed on to it.
struct ScannerSession: Sendable {
    /// How long a stream that outlives the scanner is still read.
    private static let streamGrace = Duration.seconds(1)

    /// A signal this soon after the scanner's end was meant for the scanner, not for the delivery that still waits.
    private static let signalGrace = Duration.milliseconds(500)

    private let child: ChildProcess
    private let feed: ScanFeed
    private let pool: NIOThreadPool
    private let output: @Sendable (ArraySlice<UInt8>, ScannerStream) -> Bool
    private let cutDelivery: @Sendable () -> Void

    /// A session of a scanner that has been started.
    ///
    /// - Parameters:
    ///   - child: The scanner.
    ///   - feed: Takes its output, for the gateway.
    ///   - pool: At least four threads.
    ///   - output: Takes its output, to pass it on; returns whether it wants more.
    ///   - cutDelivery: Called to end the wait for the delivery after the scanner's end.
    init(
        child: ChildProcess,
        feed: ScanFeed,
        pool: NIOThreadPool,
        output: @escaping @Sendable (ArraySlice<UInt8>, ScannerStream) -> Bool,
        cutDelivery: @escaping @Sendable () -> Void
    ) {
        self.child = child
        self.feed = feed
        self.pool = pool
        self.output = output
        self.cutDelivery = cutDelivery
    }

    /// Waits until the scanner has ended and its streams are read.
    ///
    /// - Parameter relay: Where signals come from. They are passed on until the relay is stopped; those that come
    ///   after the scanner's end cut the delivery short.
    /// - Returns: How it ended.
    func run(relay: SignalRelay?) async -> ScannerExit {
        await withTaskCancellationHandler {
            await self.runToEnd(relay: relay)
        } onCancel: {
            self.child.send(signal: SIGTERM)
        }
    }

    private func runToEnd(relay: SignalRelay?) async -> ScannerExit {
        // Without a pipe a stream that outlives the scanner is read to its own end; poll(2) passes over a -1.
        let stop = DescriptorPair.open()
        let standardOutput = self.pump(.standardOutput, from: self.child.output, stop: stop?.reader ?? -1)
        let standardError = self.pump(.standardError, from: self.child.error, stop: stop?.reader ?? -1)
        let ended = EndMark()
        if let relay { self.forwardSignals(of: relay, ended: ended) }

        let child = self.child
        let status = await Blocking.run(on: self.pool) { child.wait() }
        ended.set(.now)
        let stopper = Task {
            guard (try? await Task.sleep(for: Self.streamGrace)) != nil else { return }
            stop?.write(0)
        }
        await standardOutput.value
        await standardError.value
        stopper.cancel()
        await stopper.value
        stop?.close()
        return status
    }

    private func pump(_ stream: ScannerStream, from descriptor: Int32, stop: Int32) -> Task<Void, Never> {
        let feed = self.feed
        let output = self.output
        let pool = self.pool
        return Task {
            await Blocking.run(on: pool) {
                StreamPump(source: descriptor, stop: stop)
                    .run { bytes in
                        // Shown first: the gateway may have us wait.
                        let isWanted = output(bytes, stream)
                        feed.append(bytes, from: stream)
                        return isWanted
                    }
                feed.end(stream)
            }
        }
    }

    private func forwardSignals(of relay: SignalRelay, ended: EndMark) {
        let child = self.child
        let cutDelivery = self.cutDelivery
        self.pool.submit { _ in
            while let caught = relay.next() {
                if let end = ended.instant {
                    if ContinuousClock.now - end > Self.signalGrace { cutDelivery() }
                } else if !caught.isFromTerminal {
                    child.send(signal: caught.signal)
                }
            }
        }
    }
}

extension ScannerSession {
    /// When the scanner ended; nothing while it runs.
    private final class EndMark: Sendable {
        private let mutex = Mutex<ContinuousClock.Instant?>(nil)

        var instant: ContinuousClock.Instant? { self.mutex.withLock { $0 } }

        func set(_ instant: ContinuousClock.Instant) {
            self.mutex.withLock { $0 = instant }
        }
    }
}
