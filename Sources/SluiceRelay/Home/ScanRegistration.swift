/// What holds of a scan after somebody said who owns it, or what it is called.
package struct ScanRegistration: Sendable, Equatable {
    /// Whether there was no such scan before.
    package var isNew: Bool
    /// The owner's user id; nil where nobody said.
    package var owner: String?
    /// What people call it; nil where nobody said.
    package var name: String?
}
