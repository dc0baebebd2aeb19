internal import SluiceAdmission

/// A connection that lives long enough for its right to exist to end before it does.
protocol LiveConnection: AnyObject {
    /// Who it belongs to.
    var identity: Identity { get }
    /// Ends it.
    func close(_ closing: Closing)
}
