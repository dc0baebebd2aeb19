package import NIOCore
package import SluiceBase

/// A scan in a line of the statistics.
package struct ScanSummary: Sendable {
    package var id: ScanID
    package var owner: String?
    package var name: String?
    package var messageCount: Int
    package var elapsed: TimeAmount
    package var isCompleted: Bool
    package var isStalled: Bool
    package var subscriberCount: Int
}
