package import NIOCore

extension GatewayConfiguration {
    /// The page that follows scans in a browser.
    package struct Console: Sendable, Equatable {
        /// Where it is; nil for nowhere.
        package var path: String? = "/"

        package init() {}
    }

    /// Requests that are passed on to other servers.
    package struct Proxy: Sendable, Equatable {
        /// Which go where.
        package var routes: [Route] = []
        /// The most bytes of a body that is passed on; nil for as many as the upstream takes.
        package var maxBodyBytes: Int?

        package init() {}
    }
}

extension GatewayConfiguration.Proxy {
    /// Requests of one path and all below it, and who answers them.
    package struct Route: Sendable, Equatable {
        /// The `Host` that an upstream gets.
        package enum Host: String, Sendable, CaseIterable {
            /// The client's.
            case keep
            /// The upstream's own.
            case upstream
        }

        /// `/`, or a path without a slash at its end.
        package var path: String
        /// Those who can answer; the one with the fewest open requests does.
        package var upstreams: [Upstream]
        /// Whether the upstream gets the target without `path`.
        package var stripPrefix = false
        package var host = Host.keep
        /// The longest from a request's end to the head of its answer.
        package var timeout = TimeAmount.seconds(60)
        /// The longest without a byte of a body, or of a tunnel.
        package var idle = TimeAmount.minutes(5)
        /// The path of the certificates (PEM) that `https` upstreams are verified by; nil for the system's.
        package var ca: String?

        package init(path: String, upstreams: [Upstream]) {
            self.path = path
            self.upstreams = upstreams
        }
    }

    /// A server that requests are passed on to.
    package struct Upstream: Sendable, Hashable {
        package var isTLS: Bool
        /// A name, or an address without brackets.
        package var host: String
        package var port: Int
        /// Host and port as they were written.
        package var authority: String

        package init(isTLS: Bool, host: String, port: Int, authority: String) {
            self.isTLS = isTLS
            self.host = host
            self.port = port
            self.authority = authority
        }

        /// Its URL.
        package var url: String { "\(self.isTLS ? "https" : "http")://\(self.authority)" }
    }
}
