internal import SluiceAdmission
internal import SluiceRelay

extension StoredRevocation {
    /// A revocation as the store keeps it.
    init(_ revocation: Revocation, now: Double) {
        let keptUntil = now + Authenticator.revocationHorizon
        switch revocation {
        case .tokenID(let tokenID):
            self.init(tokenID: tokenID, subject: nil, issuedBefore: nil, keptUntil: keptUntil)
        case .subject(let subject, let issuedBefore):
            self.init(tokenID: nil, subject: subject, issuedBefore: issuedBefore, keptUntil: keptUntil)
        }
    }
}
