/// When and how permessage-deflate (RFC 7692) is agreed on.
package struct PermessageDeflateConfiguration: Sendable, Equatable {
    /// Whether it is agreed to when a client offers it.
    package var isEnabled = true
    /// zlib's level for what the server sends, 0 to 9.
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
