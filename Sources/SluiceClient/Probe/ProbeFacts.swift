/// The observations of a probe, and their meaning.
package struct ProbeFacts: Sendable, Equatable {
    /// What the gateway sees of the caller, by its own account.
    package struct Seen: Sendable, Equatable, Decodable {
        package var address: String
        package var scheme: String
        package var authority: String?
        package var isThroughProxy: Bool
        package var version: String
    }

    /// A connection that was held open; `cutAfter` in seconds, nil if it was open until the end of the probe.
    package struct Held: Sendable, Equatable {
        package var status: Int
        package var code: String?
        package var cutAfter: Double?
        /// Whether what was sent over it arrived while it was open; nil where that was not tried.
        package var isImmediate: Bool?
        /// Whether it was packed.
        package var isCompressed = false
        /// The gateway's signs of life that came.
        package var signCount = 0
    }

    /// How long lines were held, in seconds.
    package var wait: Double
    package var isSecure: Bool
    /// The authority that was asked for.
    package var authority: String
    /// The protocol that was agreed on where HTTP/2 was offered; nil for none.
    package var protocolName: String?
    /// Whether HTTP/2, where that was agreed on, was spoken then.
    package var speaksHTTP2 = true
    /// This end's address as its machine knows it.
    package var localAddress: String?
    package var seen: Seen?
    /// What `/api/probe` answered where it told nothing.
    package var refusal: String?
    /// The address that the gateway saw where the request claimed to come from ``forgedAddress``.
    package var seenOfForged: String?
    package var isPagePacked: Bool?
    package var socket: Held?
    package var stream: Held?
    package var upload: Held?
    /// Why lines could not be held.
    package var scanRefusal: String?

    /// Nobody's address (RFC 5737).
    package static let forgedAddress = "192.0.2.123"
    /// The gateway's own signs of life, in seconds: a line has to be open for longer without them.
    static let (pingInterval, commentInterval) = (5, 15)
    /// By how many seconds one may be late before it counts as lost.
    private static let signPatience = 3.0

    /// Before anything was seen.
    package init(wait: Double, isSecure: Bool, authority: String) {
        self.wait = wait
        self.isSecure = isSecure
        self.authority = authority
    }
}

/// One thing that is true of a line.
package struct ProbeFinding: Sendable, Equatable {
    /// What follows from it.
    package enum Verdict: String, Sendable {
        case good
        /// Worth knowing.
        case note
        case bad
    }

    package var verdict: Verdict
    package var subject: String
    package var text: String
}

extension ProbeFacts {
    /// Everything that can be said.
    package var findings: [ProbeFinding] {
        self.aboutProtocols + self.aboutSeen + self.aboutSocket + self.aboutStream + self.aboutUpload
    }

    private var aboutProtocols: [ProbeFinding] {
        var findings: [ProbeFinding] = []
        if self.isSecure {
            switch (self.protocolName == "h2", self.speaksHTTP2) {
            case (true, true):
                findings.append(ProbeFinding(verdict: .good, subject: "HTTP/2", text: "is spoken"))
            case (true, false):
                let text = "is agreed on in the TLS handshake and not spoken: browsers fail"
                findings.append(ProbeFinding(verdict: .bad, subject: "HTTP/2", text: text))
            case (false, _):
                let text = "is not spoken: browsers hold six event streams of one origin at most"
                findings.append(ProbeFinding(verdict: .note, subject: "HTTP/2", text: text))
            }
        }
        if let isPagePacked = self.isPagePacked {
            let text =
                isPagePacked ? "pages arrive packed" : "pages arrive unpacked: Accept-Encoding is lost on the way"
            findings.append(ProbeFinding(verdict: isPagePacked ? .good : .note, subject: "gzip", text: text))
        }
        return findings
    }

    private var aboutSeen: [ProbeFinding] {
        guard let seen = self.seen else {
            return [ProbeFinding(verdict: .bad, subject: "gateway", text: self.refusal ?? "does not answer")]
        }
        var findings: [ProbeFinding] = []
        let way = seen.isThroughProxy ? "through trusted proxies" : "without a proxy that it trusts"
        findings.append(ProbeFinding(verdict: .good, subject: "gateway", text: "\(seen.version) answers, \(way)"))
        let scheme = self.isSecure ? "https" : "http"
        findings.append(
            seen.scheme == scheme
                ? ProbeFinding(verdict: .good, subject: "scheme", text: "\(scheme) arrives")
                : ProbeFinding(
                    verdict: .bad,
                    subject: "scheme",
                    text: "the gateway sees \(seen.scheme): X-Forwarded-Proto is not set, or not believed"
                )
        )
        findings.append(
            seen.authority?.lowercased() == self.authority.lowercased()
                ? ProbeFinding(verdict: .good, subject: "host", text: "\(self.authority) arrives")
                : ProbeFinding(
                    verdict: .bad,
                    subject: "host",
                    text: "the gateway sees \(seen.authority ?? "none"): pass on Host as it came, port included"
                )
        )
        findings.append(self.aboutAddress(seen))
        return findings
    }

    private func aboutAddress(_ seen: Seen) -> ProbeFinding {
        if self.seenOfForged == Self.forgedAddress {
            return ProbeFinding(
                verdict: .bad,
                subject: "address",
                text: "anybody can invent one: set X-Forwarded-For in the outermost proxy, do not pass it on"
            )
        }
        guard seen.address != self.localAddress else {
            return ProbeFinding(verdict: .good, subject: "address", text: "\(seen.address) arrives")
        }
        let text =
            "the gateway sees \(seen.address), this machine is \(self.localAddress ?? "?"): if that is no translated "
            + "address of yours, a proxy is not in trusted_proxies"
        return ProbeFinding(verdict: .note, subject: "address", text: text)
    }

    private var aboutSocket: [ProbeFinding] {
        guard let socket = self.socket else {
            let text = "not tried: \(self.scanRefusal ?? "no answer")"
            return [ProbeFinding(verdict: .bad, subject: "lines", text: text)]
        }
        guard socket.status == 101 else {
            let code = socket.code.map { " \($0)" } ?? ""
            return [ProbeFinding(verdict: .bad, subject: "WebSocket", text: "the upgrade got \(socket.status)\(code)")]
        }
        var findings = [
            Self.standing("WebSocket", socket, wait: self.wait, sign: "ping", every: Self.pingInterval)
        ]
        let text = socket.isCompressed ? "survives" : "does not: Sec-WebSocket-Extensions is lost on the way"
        findings.append(
            ProbeFinding(verdict: socket.isCompressed ? .good : .note, subject: "compression", text: text)
        )
        return findings
    }

    private var aboutStream: [ProbeFinding] {
        guard let stream = self.stream else {
            return []
        }
        guard stream.status == 200, stream.isImmediate == true else {
            let isBuffered = stream.status == 200 || stream.status == 0
            let text =
                isBuffered ? "is buffered: a message did not arrive while the stream was open" : "got \(stream.status)"
            return [ProbeFinding(verdict: .bad, subject: "event stream", text: text)]
        }
        return [
            Self.standing("event stream", stream, wait: self.wait, sign: "comment", every: Self.commentInterval)
        ]
    }

    private var aboutUpload: [ProbeFinding] {
        guard let upload = self.upload else {
            return []
        }
        guard upload.isImmediate == true else {
            let text = "is buffered: a line did not arrive while the request was open"
            return [ProbeFinding(verdict: .bad, subject: "NDJSON upload", text: text)]
        }
        guard let cutAfter = upload.cutAfter else {
            let text = "lines pass at once; \(Self.seconds(self.wait)) without a byte did not cut it"
            return [ProbeFinding(verdict: .good, subject: "NDJSON upload", text: text)]
        }
        let text = "an idle line is cut after \(Self.seconds(cutAfter)); the gateway waits 5 minutes"
        return [ProbeFinding(verdict: .note, subject: "NDJSON upload", text: text)]
    }

    /// A line that was held: whether it stood, and whether the gateway's signs of life came through.
    private static func standing(
        _ subject: String,
        _ held: Held,
        wait: Double,
        sign: String,
        every interval: Int
    ) -> ProbeFinding {
        let isSilent = held.signCount == 0 && (held.cutAfter ?? wait) >= Double(interval) + Self.signPatience
        let swallowed = "no \(sign) came, though one is due every \(interval) s: something on the way swallows them"
        let text: String
        switch (held.cutAfter, isSilent) {
        case (nil, false):
            let text = "passes, and stood for \(Self.seconds(wait))"
            return ProbeFinding(verdict: .good, subject: subject, text: text)
        case (nil, true):
            text = "stood for \(Self.seconds(wait)), but \(swallowed)"
        case (let cutAfter?, true):
            text = "is cut after \(Self.seconds(cutAfter)); \(swallowed)"
        case (let cutAfter?, false):
            text =
                "is cut after \(Self.seconds(cutAfter)), though a \(sign) comes every \(interval) s: raise the proxy's idle "
                + "time"
        }
        return ProbeFinding(verdict: .bad, subject: subject, text: text)
    }

    private static func seconds(_ seconds: Double) -> String {
        "\((seconds * 10).rounded(.down) / 10) s"
    }
}
