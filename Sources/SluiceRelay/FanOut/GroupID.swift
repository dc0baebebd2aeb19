/// Names one delivery group in the life of the process.
package struct GroupID: Hashable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}
