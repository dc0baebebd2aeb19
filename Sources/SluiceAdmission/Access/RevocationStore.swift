/// Where revocations outlive the process.
package protocol RevocationStore: Sendable {
    /// Those that an earlier process was told of.
    var keptRevocations: [KeptRevocation] { get }

    /// Keeps a revocation as long as it says.
    ///
    /// - Parameters:
    ///   - revocation: The revocation to keep.
    ///   - done: Called once it is as durable as the store is, or with the reason why it will not be; on any thread.
    func keep(_ revocation: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void)
}

/// A revocation, and when it may be forgotten.
package struct KeptRevocation: Sendable, Equatable {
    package var revocation: Revocation
    /// In seconds since 1970.
    package var keptUntil: Double

    package init(_ revocation: Revocation, keptUntil: Double) {
        self.revocation = revocation
        self.keptUntil = keptUntil
    }
}
