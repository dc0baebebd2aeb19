/// Names one subscription in the life of the process.
package struct SubscriptionID: Hashable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}
