package import SluiceBase

/// An event in the life of a scan, for observers that do not follow it.
package struct ScanEvent: Sendable, Equatable {
    /// The kind of event, by its public name.
    package enum Kind: String, Sendable, CaseIterable {
        /// Its channel was opened, by its first message or before it.
        case started = "scanStarted"
        /// A terminal message other than `error` ended it.
        case completed = "scanCompleted"
        /// An `error` ended it.
        case failed = "scanFailed"
        /// Its scanner fell silent.
        case stalled = "scanStalled"
        /// Its scanner is back.
        case resumed = "scanResumed"
    }

    package var kind: Kind
    package var scanID: ScanID
    package var epoch: String
    /// The newest message's number when it happened.
    package var seq: Seq
    package var owner: String?
    package var name: String?
    /// What the `error` said that ended it.
    package var error: String?
    /// For how many whole seconds its scanner was silent.
    package var silentFor: Int64?

    package init(_ kind: Kind, scanID: ScanID, epoch: String, seq: Seq) {
        self.kind = kind
        self.scanID = scanID
        self.epoch = epoch
        self.seq = seq
    }
}

/// Receives the events of scans on their homes' loops, before the store gets the messages that caused them.
///
/// Must not block.
package protocol ScanObserver: Sendable {
    func happened(_ event: ScanEvent)
}
