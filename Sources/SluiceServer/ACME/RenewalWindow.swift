internal import SluiceBase

/// When an authority wants a certificate to be renewed (RFC 9773 section 4.2).
struct RenewalWindow: Sendable, Equatable {
    /// In seconds since 1970.
    let beginsAt: Double
    let endsAt: Double
    /// Where it says why; nil if it does not.
    let explanation: String?

    /// - Parameter answer: The authority's; nil comes out of one that is no window.
    init?(_ answer: ACMEAnswer) {
        guard answer.isGood, let object = answer.object, let window = object.present("suggestedWindow"),
            let begin = window.present("start")?.string.flatMap({ CertificateDate.seconds($0) }),
            let end = window.present("end")?.string.flatMap({ CertificateDate.seconds($0) }), begin <= end
        else {
            return nil
        }
        self.beginsAt = begin
        self.endsAt = end
        self.explanation = object.present("explanationURL")?.string
    }

    /// A time within it.
    ///
    /// - Parameter jitter: A random share, 0 to 1, since all clients are told the same window.
    /// - Returns: Seconds since 1970.
    func time(jitter: Double) -> Double {
        self.beginsAt + (self.endsAt - self.beginsAt) * min(max(0, jitter), 1)
    }
}
