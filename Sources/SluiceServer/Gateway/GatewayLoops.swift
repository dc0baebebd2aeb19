internal import NIOCore
internal import SluiceHTTP
internal import SluiceRelay

/// The event loops, each with the objects that its connections share.
struct GatewayLoops: Sendable {
    /// One event loop's part of the gateway.
    ///
    /// Loop-confined.
    final class Loop {
        let services: LoopServices
        let routes: Routes
        let adminRoutes: AdminRoutes
        private var channels: [ObjectIdentifier: any Channel] = [:]
        private var handlers: [ObjectIdentifier: any ServedConnection] = [:]

        init(services: LoopServices, gateway: GatewayServices) {
            self.services = services
            self.routes = Routes(services: gateway, loop: services)
            self.adminRoutes = AdminRoutes(services: gateway)
        }

        /// A connection is open on this loop, until it is closed.
        func insert(_ channel: any Channel) {
            let id = ObjectIdentifier(channel)
            self.channels[id] = channel
            channel.closeFuture.assumeIsolated()
                .whenComplete { _ in
                    self.channels[id] = nil
                    self.handlers[id] = nil
                }
        }

        /// Adds the HTTP handler of a connection.
        func insert(_ handler: any ServedConnection, for channel: any Channel) {
            let id = ObjectIdentifier(channel)
            self.handlers[id] = handler
            handler.whenRemoved = { self.handlers[id] = nil }
        }

        /// Idle connections end now, others after the request at work.
        func drain() {
            for handler in Array(self.handlers.values) {
                handler.drain()
            }
        }

        /// Every connection ends now, without waiting for the client's end of TLS.
        func closeAll() {
            for channel in Array(self.channels.values) {
                channel.eventLoop.execute { channel.cut() }
            }
        }
    }

    private let eventLoops: [any EventLoop]
    private let loops: [NIOLoopBoundBox<Loop>]

    init(_ eventLoops: [any EventLoop], services: GatewayServices) async throws {
        self.eventLoops = eventLoops
        let tickInterval = services.settings.webSocket.tickInterval
        var loops: [NIOLoopBoundBox<Loop>] = []
        for eventLoop in eventLoops {
            let loop =
                try await eventLoop.submit {
                    let shared = LoopServices(
                        eventLoop: eventLoop,
                        relay: services.relay,
                        requests: services.requests,
                        tickInterval: tickInterval
                    )
                    let loop = Loop(services: shared, gateway: services)
                    services.connections.attach(shared.http, on: eventLoop)
                    return NIOLoopBoundBox(loop, eventLoop: eventLoop)
                }
                .get()
            loops.append(loop)
        }
        self.loops = loops
    }

    /// A loop's part; call it on that loop.
    func loop(of eventLoop: any EventLoop) -> Loop {
        guard let index = self.eventLoops.firstIndex(where: { $0 === eventLoop }) else {
            preconditionFailure("connections live on the gateway's own loops")
        }
        return self.loops[index].value
    }

    /// Does something on every loop.
    func onEach(_ body: @escaping @Sendable (Loop) -> Void) async throws {
        for (eventLoop, loop) in zip(self.eventLoops, self.loops) {
            try await eventLoop.submit { body(loop.value) }.get()
        }
    }
}
