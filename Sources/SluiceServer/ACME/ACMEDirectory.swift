internal import SluiceBase

/// Where an authority takes which request (RFC 8555 section 7.1.1).
struct ACMEDirectory: Sendable, Equatable {
    let newNonce: String
    let newAccount: String
    let newOrder: String
    /// Where it says when certificates should be renewed (RFC 9773 section 4.1); nil if it does not.
    let renewalInfo: String?
    /// The terms that the operator agrees to; nil if there are none.
    let terms: String?

    /// - Parameter answer: The authority's.
    /// - Throws: If it is no directory, or one of an authority that wants accounts to be made elsewhere.
    init(_ answer: ACMEAnswer) throws(ACMEFailure) {
        guard answer.isGood else {
            throw answer.failure
        }
        guard let object = answer.object, let nonce = object.present("newNonce")?.string,
            let account = object.present("newAccount")?.string, let order = object.present("newOrder")?.string
        else {
            throw ACMEFailure("what is at tls.acme.directory is no directory of an authority")
        }
        let meta = object.present("meta")
        guard meta?.present("externalAccountRequired")?.value != .bool(true) else {
            throw ACMEFailure("the authority wants an account that was made elsewhere, which is not supported")
        }
        self.newNonce = nonce
        self.newAccount = account
        self.newOrder = order
        self.renewalInfo = object.present("renewalInfo")?.string
        self.terms = meta?.present("termsOfService")?.string
    }
}
