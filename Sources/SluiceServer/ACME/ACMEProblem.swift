internal import NIOCore
internal import SluiceBase

/// Why there is no certificate, in words for the operator.
struct ACMEFailure: Error, Equatable, CustomStringConvertible {
    var description: String
    /// How long the authority wants to be left alone; nil if it says nothing of that.
    var retryAfter: TimeAmount?

    init(_ description: String, retryAfter: TimeAmount? = nil) {
        self.description = description
        self.retryAfter = retryAfter
    }
}

/// What an authority says is wrong (RFC 7807, and RFC 8555 section 6.7).
struct ACMEProblem: Sendable, Equatable, CustomStringConvertible {
    /// The most characters of it that are logged.
    private static let maximumLength = 500
    private static let prefix = "urn:ietf:params:acme:error:"

    /// The last part of its type, such as `badNonce`; otherwise the whole.
    let type: String
    private let detail: String
    /// What is wrong with some of the names.
    private let parts: [String]

    init(_ node: JSONNode) {
        let type = node.present("type")?.string ?? "about:blank"
        self.type = type.hasPrefix(Self.prefix) ? String(type.dropFirst(Self.prefix.count)) : type
        self.detail = node.present("detail")?.string ?? ""
        self.parts = (node.present("subproblems")?.elements ?? [])
            .map { part in
                let name = part.present("identifier")?.present("value")?.string
                let text = ACMEProblem(part).description
                return name.map { "\($0): \(text)" } ?? text
            }
    }

    /// In plain words, with the authority's own.
    var description: String {
        let words = Self.words[self.type] ?? "the authority says \(self.type)"
        let whole = ([self.detail.isEmpty ? words : "\(words): \(self.detail)"] + self.parts).joined(separator: "; ")
        // What comes from outside stays on its line of the log.
        let line = String(whole.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
        return line.count > Self.maximumLength ? line.prefix(Self.maximumLength) + "…" : line
    }

    /// RFC 8555 section 6.7, and RFC 9773 section 7.4.
    private static let words = [
        "accountDoesNotExist": "the authority does not know the account",
        "alreadyReplaced": "another order has replaced the certificate already",
        "alreadyRevoked": "the certificate was revoked",
        "badCSR": "the authority does not take the request for the certificate",
        "badNonce": "the authority takes no nonce",
        "badPublicKey": "the authority does not take the key",
        "badSignatureAlgorithm": "the authority does not take signatures by ES256",
        "caa": "a CAA record of the name forbids this authority to issue",
        "connection": "the authority could not connect to the gateway under that name",
        "dns": "the authority found no address for the name",
        "externalAccountRequired": "the authority wants an account that was made elsewhere, which is not supported",
        "incorrectResponse": "what answered under that name was not this gateway",
        "invalidContact": "the authority does not take the address of tls.acme.email",
        "malformed": "the authority does not understand the request",
        "orderNotReady": "the authority does not take the order yet",
        "rateLimited": "the authority was asked too often",
        "rejectedIdentifier": "the authority issues nothing for the name",
        "serverInternal": "the authority has trouble of its own",
        "tls": "the authority could not speak TLS with what answered under that name",
        "unauthorized": "the authority does not take the proof",
        "unsupportedContact": "the authority does not take the kind of address of tls.acme.email",
        "unsupportedIdentifier": "the authority issues nothing for that kind of name",
        "userActionRequired": "the authority wants the operator to do something first",
    ]
}
