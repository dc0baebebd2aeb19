internal import AsyncHTTPClient
internal import NIOCore
internal import SluiceBase

extension ConfigurationKind where Value == GatewayConfiguration.Proxy.Route {
    /// A route: `{ path, upstreams, strip_prefix, host, timeout, idle, ca }`.
    static var route: Self {
        Self(
            hasParts: true,
            text: { "{ path: \"\($0.path)\" }" },
            read: { node, keyPath, reading in
                let names = ["path", "upstreams", "strip_prefix", "host", "timeout", "idle", "ca"]
                let expected = "a route such as { path: /, upstreams: [\"http://127.0.0.1:3000\"] }"
                guard let fields = node.fields(names, expected, keyPath, &reading) else {
                    return nil
                }
                let path = fields.required("path", ConfigurationKind<String>.urlPath, keyPath, &reading)
                let kinds = ConfigurationKind<[GatewayConfiguration.Proxy.Upstream]>
                    .list(.upstream, "a list of addresses such as [\"http://127.0.0.1:3000\"]")
                let upstreams = fields.required("upstreams", kinds, keyPath, &reading)
                if upstreams?.isEmpty ?? false {
                    reading.fault("expected one address or more", "\(keyPath).upstreams")
                }
                var route = Value(path: path ?? "/", upstreams: upstreams ?? [])
                guard Self.readRest(of: fields, &route, keyPath, &reading), path != nil, upstreams?.isEmpty == false
                else {
                    return nil
                }
                return route
            }
        )
    }

    /// Reads the fields that have a default; false if one of them has a fault.
    private static func readRest(
        of fields: ConfigurationFields,
        _ route: inout Value,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) -> Bool {
        let time = ConfigurationKind<TimeAmount>.duration(atLeast: .milliseconds(1), atMost: .hours(24))
        let strips = fields.optional("strip_prefix", ConfigurationKind<Bool>.boolean, keyPath, &reading)
        let host = fields.optional("host", ConfigurationKind<Value.Host>.choice, keyPath, &reading)
        let timeout = fields.optional("timeout", time, keyPath, &reading)
        let idle = fields.optional("idle", time, keyPath, &reading)
        let ca = fields.optional("ca", ConfigurationKind<String?>.optional(.path), keyPath, &reading)
        route.stripPrefix = strips ?? route.stripPrefix
        route.host = host ?? route.host
        route.timeout = timeout ?? route.timeout
        route.idle = idle ?? route.idle
        route.ca = ca ?? nil
        let given = [
            ("strip_prefix", strips != nil), ("host", host != nil), ("timeout", timeout != nil), ("idle", idle != nil),
            ("ca", ca != nil),
        ]
        return given.allSatisfy { name, isRead in isRead || !fields.has(name) }
    }
}

extension ConfigurationKind where Value == GatewayConfiguration.Proxy.Upstream {
    /// The address of a server that requests are passed on to.
    static var upstream: Self {
        .scalar(
            "an address such as http://127.0.0.1:3000",
            text: { "\"\($0.url)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                guard scalar.isText, let upstream = Value(url: scalar.text) else {
                    throw ConfigurationProblem(
                        "expected http:// or https:// with a host and perhaps a port from 1 to 65535, and nothing else"
                    )
                }
                return upstream
            }
        )
    }
}

extension GatewayConfiguration.Proxy.Upstream {
    /// Reads a URL without a user, a path or a query; nil if it is none.
    init?(url text: String) {
        guard let start = text.firstRange(of: "://")?.upperBound, let request = try? HTTPClient.Request(url: text),
            ["http", "https"].contains(request.scheme), (1...65535).contains(request.port)
        else {
            return nil
        }
        let rest = text[start...]
        let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
        let isPlain = authority.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/?#@\\\"<>^`{|}".utf8.contains($0) }
        guard isPlain, !authority.isEmpty, !request.host.isEmpty else {
            return nil
        }
        self.init(
            isTLS: request.scheme == "https",
            host: request.host.trimming(in: "[]"),
            port: request.port,
            authority: String(authority)
        )
    }
}

extension ConfigurationKind where Value == String {
    /// The path of a URL, as requests have it; it comes out without slashes at its end, or as `/`.
    static var urlPath: Self {
        .scalar(
            "a path such as /app",
            text: { "\($0)" },
            parse: { scalar throws(ConfigurationProblem) in
                let text = scalar.text
                let isPath = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"?#".utf8.contains($0) }
                guard scalar.isText, isPath, text.hasPrefix("/") else {
                    throw ConfigurationProblem("expected a path such as /app, as requests have it, without a query")
                }
                let end = text.utf8.lastIndex { $0 != UInt8(ascii: "/") }
                return end.map { String(text[...$0]) } ?? "/"
            }
        )
    }
}
