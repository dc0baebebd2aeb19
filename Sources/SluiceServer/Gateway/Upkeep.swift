private import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Checks from time to time: the certificate's files, the key set, the machine's load, and the loops.
final class Upkeep: Sendable {
    /// How often the certificate's files are looked at.
    private static let certificateInterval = TimeAmount.seconds(10)

    /// How often the process's load is looked at.
    private static let loadInterval = TimeAmount.seconds(1)

    private let services: GatewayServices
    private let eventLoop: any EventLoop
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let logger: Logger
    private let tasks: NIOLoopBoundBox<[RepeatedTask]>
    private let lastSeen: NIOLoopBoundBox<[Date?]>

    init(services: GatewayServices, group: MultiThreadedEventLoopGroup, logger: Logger) {
        self.services = services
        self.eventLoop = group.next()
        self.logger = logger
        self.tasks = NIOLoopBoundBox.makeBoxSendingValue([], eventLoop: self.eventLoop)
        self.lastSeen = NIOLoopBoundBox.makeBoxSendingValue([], eventLoop: self.eventLoop)
    }

    /// Begins to look.
    func start() {
        self.pool.start()
        self.services.loopLag.start()
        self.eventLoop.execute {
            self.tasks.value.append(
                self.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.loadInterval) { _ in
                    self.lookAtLoad()
                    self.services.keySource.fetchIfDue(on: self.eventLoop)
                    self.services.certificates?.askIfDue(on: self.eventLoop)
                }
            )
            if self.services.tls != nil {
                self.tasks.value.append(
                    self.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.certificateInterval) { _ in
                        self.lookAtCertificate()
                    }
                )
            }
        }
    }

    /// Stops checking.
    func stop() {
        self.eventLoop.execute {
            for task in self.tasks.value {
                task.cancel()
            }
            self.tasks.value = []
        }
        self.services.loopLag.stop()
        self.pool.shutdownGracefully { _ in }
    }

    private func lookAtLoad() {
        let services = self.services
        self.pool.submit { state in
            guard case .active = state else {
                return
            }
            services.load.take(.measured(), services: services)
            if services.load.isShedding {
                MachineLoad.releaseFreeMemory()
            }
        }
    }

    private func lookAtCertificate() {
        let files = self.services.settings.configuration.tls
        let dates = self.pool.runIfActive(eventLoop: self.eventLoop) {
            files.allCertificates.flatMap { [$0.certificate, $0.privateKey] }
                .map { path in
                    (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
                }
        }
        dates.whenSuccess { dates in
            let before = self.lastSeen.value
            self.lastSeen.value = dates
            // A reload that names other files has read them.
            guard before.count == dates.count, before != dates else {
                return
            }
            do {
                try self.services.tls?.reload(files)
                self.logger.info("certificate reloaded")
            } catch {
                // The other file may be on its way: it is tried again when either changes.
                self.logger.warning("certificate not reloaded", metadata: ["error": "\(error)"])
            }
        }
    }
}
