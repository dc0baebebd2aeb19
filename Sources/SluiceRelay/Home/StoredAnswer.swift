package import NIOCore

/// The answer of a request that may be repeated, as a store keeps it.
package struct StoredAnswer: Sendable, Equatable {
    package var request: IngestRequest.Idempotency
    package var receipt: IngestReceipt
    /// How long ago it was given.
    package var age: TimeAmount

    package init(request: IngestRequest.Idempotency, receipt: IngestReceipt, age: TimeAmount) {
        self.request = request
        self.receipt = receipt
        self.age = age
    }
}
