internal import AsyncHTTPClient
internal import SluiceBase
internal import SluiceRelay

extension ConfigurationKind where Value == GatewayConfiguration.Hook {
    /// A receiver: `{ url, events, secret_file }`, of all events if `events` is left out.
    static var hook: Self {
        Self(
            hasParts: true,
            text: { "{ url: \"\($0.url)\" }" },
            read: { node, keyPath, reading in
                let names = ["url", "events", "secret_file"]
                let expected = "a receiver such as { url: …, secret_file: … }"
                guard let fields = node.fields(names, expected, keyPath, &reading) else {
                    return nil
                }
                let url = fields.required("url", ConfigurationKind<String>.hookURL, keyPath, &reading)
                let secretFile = fields.required("secret_file", ConfigurationKind<String>.path, keyPath, &reading)
                let kinds = ConfigurationKind<[ScanEvent.Kind]>
                    .list(.choice, "a list of events such as [scanCompleted, scanFailed]")
                let events = fields.optional("events", kinds, keyPath, &reading)
                guard let url, let secretFile, events != nil || !fields.has("events") else {
                    return nil
                }
                return Value(url: url, events: events ?? ScanEvent.Kind.allCases, secretFile: secretFile)
            }
        )
    }
}

extension ConfigurationKind where Value == String {
    /// The address of a receiver: deliveries must not be readable on their way.
    fileprivate static var hookURL: Self {
        .text("an address such as https://ci.example/hooks/sluice") { text in
            guard let request = try? HTTPClient.Request(url: text), ["http", "https"].contains(request.scheme),
                (1...65535).contains(request.port), !text.prefix(while: { $0 != "?" && $0 != "#" }).contains("@")
            else {
                return "expected an address with https://, a host, perhaps a port from 1 to 65535, and no user's name"
            }
            guard request.scheme == "https" || IPAddress.isLoopback(host: request.host.trimming(in: "[]")) else {
                return "expected https://, or http:// to this machine itself"
            }
            return nil
        }
    }
}
