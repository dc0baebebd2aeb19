/// Decides about a client's offers of permessage-deflate (RFC 7692 section 7.1).
struct PermessageDeflateNegotiation {
    static let extensionName = "permessage-deflate"

    let configuration: PermessageDeflateConfiguration

    init(configuration: PermessageDeflateConfiguration) {
        precondition((9...15).contains(configuration.windowBits), "zlib's raw windows go from 9 to 15 bits")
        self.configuration = configuration
    }

    /// Takes the first acceptable offer; clients list their preferred offer first (section 5).
    ///
    /// - Parameter offers: All extensions offered, in order.
    /// - Returns: Nil if the connection goes without.
    func agree(to offers: [ExtensionOffer]) -> PermessageDeflateAgreement? {
        guard self.configuration.isEnabled else { return nil }
        for offer in offers where offer.name == Self.extensionName {
            if let terms = Terms(offer), let agreement = self.agree(to: terms) {
                return agreement
            }
        }
        return nil
    }

    private func agree(to terms: Terms) -> PermessageDeflateAgreement? {
        var agreement = PermessageDeflateAgreement(answer: Self.extensionName)
        if terms.serverNoContextTakeover {
            agreement.serverNoContextTakeover = true
            agreement.answer += "; server_no_context_takeover"
        }
        // Section 7.1.1.2 lets the server ask for it whether or not the client offered it.
        if terms.clientNoContextTakeover || !self.configuration.keepsClientContext {
            agreement.clientNoContextTakeover = true
            agreement.answer += "; client_no_context_takeover"
        }
        agreement.serverWindowBits = self.configuration.windowBits
        if let asked = terms.serverWindowBits {
            // zlib has no raw deflate with a window of 256 bytes, so by section 7.1.2.1 such an offer is declined. The
            // answer has the parameter only here: if they did not ask for it, clients must fail the connection.
            guard asked >= 9 else { return nil }
            agreement.serverWindowBits = min(asked, self.configuration.windowBits)
            agreement.answer += "; server_max_window_bits=\(agreement.serverWindowBits)"
        }
        if terms.offersClientWindowBits {
            // A hint does not bind: with 8 the client may choose, since its zlib may not know 8 either, and a larger
            // window reads data of a smaller one.
            let bits = min(terms.clientWindowBits ?? 15, self.configuration.windowBits)
            if (9...14).contains(bits) {
                agreement.clientWindowBits = bits
                agreement.answer += "; client_max_window_bits=\(bits)"
            }
        }
        return agreement
    }

    /// An offer's parameters, if all of them are known, valid and given once (section 7.1: otherwise it is declined).
    private struct Terms {
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverWindowBits: Int?
        var offersClientWindowBits = false
        var clientWindowBits: Int?

        init?(_ offer: ExtensionOffer) {
            var seen: Set<String> = []
            for parameter in offer.parameters {
                guard seen.insert(parameter.name).inserted, self.take(parameter) else { return nil }
            }
        }

        private mutating func take(_ parameter: ExtensionOffer.Parameter) -> Bool {
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil):
                self.serverNoContextTakeover = true
                return true
            case ("client_no_context_takeover", nil):
                self.clientNoContextTakeover = true
                return true
            case ("server_max_window_bits", let value?):
                self.serverWindowBits = Self.windowBits(value)
                return self.serverWindowBits != nil
            case ("client_max_window_bits", nil):
                self.offersClientWindowBits = true
                return true
            case ("client_max_window_bits", let value?):
                self.offersClientWindowBits = true
                self.clientWindowBits = Self.windowBits(value)
                return self.clientWindowBits != nil
            default:
                return false
            }
        }

        /// 8 to 15, in decimal and without leading zeros (section 7.1.2).
        private static func windowBits(_ value: String) -> Int? {
            guard value.utf8.first != UInt8(ascii: "0"), value.utf8.first != UInt8(ascii: "+") else { return nil }
            guard let bits = Int(value), (8...15).contains(bits) else { return nil }
            return bits
        }
    }
}

/// The agreement of both ends about permessage-deflate (RFC 7692 section 7.1).
package struct PermessageDeflateAgreement: Sendable, Equatable {
    /// Whether the server may not refer back to its earlier messages: the client asked for it.
    package var serverNoContextTakeover = false
    /// Whether the client may not refer back to its earlier messages.
    package var clientNoContextTakeover = false
    /// The largest window that the server may use as its base-2 logarithm, 9 to 15.
    package var serverWindowBits = 15
    /// The largest window that the client may use as its base-2 logarithm, 9 to 15.
    package var clientWindowBits = 15
    /// The value of the server's `Sec-WebSocket-Extensions`.
    package var answer: String

    package init(answer: String) {
        self.answer = answer
    }
}

/// When and how permessage-deflate (RFC 7692) is agreed on.
package struct PermessageDeflateConfiguration: Sendable, Equatable {
    /// Whether it is agreed to when a client offers it.
    package var isEnabled = true
    /// zlib's level for the server's frames, 0 to 9.
    package var level = 6
    /// The largest window on either side as its base-2 logarithm, 9 to 15.
    package var windowBits = 15
    /// Payloads of fewer bytes go uncompressed.
    package var minimumBytes = 256
    /// Whether clients may refer back to their earlier messages.
    ///
    /// Without it no inflater is kept between messages.
    package var keepsClientContext = false

    package init() {}
}
