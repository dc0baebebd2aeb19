package import NIOCore
package import NIOHTTP1

/// The head of an answer that another server gave, to be passed on as it came.
///
/// Besides its own fields it gets the exchange's common ones, `Date` where it is missing, and what the connection to the
/// client needs.
package struct RelayedAnswer: Sendable {
    /// How its body is framed.
    package enum Framing: Sendable, Equatable {
        /// There is none, whatever its fields say: the answer to HEAD, 204, 304.
        case none
        /// So many bytes; its fields say it.
        case length(Int)
        /// Up to `finish`.
        case open
    }

    /// Code and reason.
    package var status: HTTPResponseStatus
    /// The fields, without those of the other connection alone.
    package var fields: HeaderFields
    package var framing: Framing
    /// How long the client may take none of the bytes that wait for it.
    package var patience: TimeAmount

    package init(status: HTTPResponseStatus, fields: HeaderFields, framing: Framing, patience: TimeAmount) {
        self.status = status
        self.fields = fields
        self.framing = framing
        self.patience = patience
    }
}
