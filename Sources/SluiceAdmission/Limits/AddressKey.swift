/// Under what an address is counted: an IPv4 address by itself, an IPv6 address by its /64, which is one customer's.
package struct AddressKey: Sendable, Hashable {
    private let bits: UInt64
    private let isIPv4: Bool

    /// The key of an address.
    package init(_ address: IPAddress) {
        self.isIPv4 = address.isIPv4
        self.bits = address.isIPv4 ? address.low : address.high
    }

    /// The key of an address in its usual text.
    ///
    /// - Parameter text: As ``IPAddress/init(_:)`` reads it.
    package init?(_ text: some StringProtocol) {
        guard let address = IPAddress(text) else {
            return nil
        }
        self.init(address)
    }
}
