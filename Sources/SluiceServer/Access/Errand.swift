internal import Instrumentation
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// What a visitor wants, as the application that judges it is told.
struct Errand: Sendable, Equatable {
    let action: ApplicationQuestion.Action
    let scan: String?
    /// The fields about the request, besides those that are judged.
    let fields: [ApplicationCredential.Field]

    /// - Parameters:
    ///   - request: The request.
    ///   - context: What it says of its trace, which is told on.
    ///   - connection: Where it came from.
    ///   - client: The client's address, as far as it can be believed.
    ///   - action: What is wanted.
    ///   - scan: Of which scan, as the path names it; a name that no scan can have is not passed on.
    ///   - settings: Say which proxies are believed.
    init(
        _ request: HTTPRequest,
        in context: InstrumentationContext,
        on connection: HTTPConnectionInfo,
        client: IPAddress?,
        action: ApplicationQuestion.Action,
        scan: String?,
        settings: GatewaySettings
    ) {
        self.action = action
        self.scan = scan.flatMap { ScanID($0)?.text }
        let told = settings.isTrusted(connection) ? request.single("X-Forwarded-Host") : nil
        let fields: [(String, String?)] = [
            ("X-Forwarded-Method", request.method.rawValue),
            ("X-Forwarded-Uri", request.target),
            ("X-Forwarded-For", client?.description),
            ("X-Forwarded-Host", told ?? request.authority),
            ("X-Forwarded-Proto", settings.isSecure(request, on: connection) ? "https" : "http"),
            ("X-Sluice-Action", action.rawValue),
            ("X-Sluice-Scan", self.scan),
        ]
        let trace = context.fields.map { ApplicationCredential.Field(name: $0.name, value: $0.value) }
        self.fields =
            fields.compactMap { name, value in
                value.map { ApplicationCredential.Field(name: name, value: $0) }
            } + trace
    }

    /// What the application is asked about somebody who has this errand.
    func question(_ credential: ApplicationCredential) -> ApplicationQuestion {
        ApplicationQuestion(credential, action: self.action, scan: self.scan)
    }
}

extension GatewayConfiguration.Auth.Forward {
    /// What a request shows that the application judges; nil if it shows nothing of that, or nobody judges.
    func credential(in headers: HeaderFields) -> ApplicationCredential? {
        guard self.url != nil else {
            return nil
        }
        let fields = self.headers.flatMap { name in
            headers[name].filter { !$0.isEmpty }.map { ApplicationCredential.Field(name: name, value: $0) }
        }
        return fields.isEmpty ? nil : ApplicationCredential(fields)
    }

    /// Whether these are fields that the application judges, and values that a request may have.
    func judges(_ credential: ApplicationCredential) -> Bool {
        let names = Set(self.headers.map { $0.lowercased() })
        return self.url != nil
            && credential.fields.allSatisfy { field in
                names.contains(field.name.lowercased())
                    && field.value.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\t" }
            }
    }

    /// Whether opaque tokens are the application's to judge.
    var takesAuthorization: Bool {
        self.url != nil && self.headers.contains { $0.lowercased() == "authorization" }
    }
}

extension ApplicationCredential {
    /// Whether a browser adds some of it by itself to the requests of any page: all but a Bearer token of which that is
    /// known not to be so.
    var isAmbient: Bool {
        !self.fields.allSatisfy { field in
            field.name.lowercased() == "authorization" && field.value.lowercased().hasPrefix("bearer ")
        }
    }
}
