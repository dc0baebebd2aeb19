package import SluiceBase

/// An event in the life of a scan, for observers that do not follow it.
package struct ScanEvent: Sendable, Equatable {
    /// The kind of event, by its public name.
    package enum Kind: String, Sendable, CaseIterable {
        /// The channel was opened, by its first message or before it.
        case started = "scanStarted"
        /// A terminal message other than `error` ended the scan.
        case completed = "scanCompleted"
        /// An `error` ended the scan.
        case failed = "scanFailed"
        /// The scanner fell silent.
        case stalled = "scanStalled"
        /// The scanner is back.
        case resumed = "scanResumed"
    }

    package var kind: Kind
    package var scanID: ScanID
    package var epoch: String
    /// The newest message's seq when the event happened.
    package var seq: Seq
    package var owner: String?
    package var name: String?
    /// The text of the `error` that ended the scan.
    package var error: String?
    /// How long the scanner has been silent, in whole seconds.
    package var silentFor: Int64?

    package init(_ kind: Kind, scanID: ScanID, epoch: String, seq: Seq) {
        self.kind = kind
        self.scanID = scanID
        self.epoch = epoch
        self.seq = seq
    }
}

/// Tells others of the events of scans, once what happened is stored.
///
/// Called on the homes' loops. Must not block.
package protocol ScanObserver: Sendable {
    /// The deliveries of an event to those that are to be told of it; called once, when it happens.
    ///
    /// A store gets them with what caused the event, both or neither.
    func deliveries(of event: ScanEvent) -> [HookDelivery]

    /// Sends deliveries: they are as durable as the store is, or there is no store.
    func send(_ deliveries: [HookDelivery])

    /// Deliveries are never sent: what caused them was not stored.
    func drop(_ deliveries: [HookDelivery])
}
