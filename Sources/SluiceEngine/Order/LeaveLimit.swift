package import NIOCore

/// How often a connection may leave its server for a better one.
///
/// Where servers seem worse in turn because the machine has too much to do, changing all the time would be the worst of
/// it: after each time it stays for a while, twice as long as before, until there was a calm minute.
package struct LeaveLimit: Sendable {
    package static let shortestStay = TimeAmount.seconds(5)
    package static let longestStay = TimeAmount.seconds(60)
    private static let calmTime = TimeAmount.seconds(60)

    private var stay = LeaveLimit.shortestStay
    private var staysUntil: NIODeadline?

    package init() {}

    /// Whether it may leave now; it is taken to do so.
    package mutating func leaves(now: NIODeadline) -> Bool {
        if let staysUntil = self.staysUntil {
            guard now >= staysUntil else {
                return false
            }
            let wasCalm = now - staysUntil >= Self.calmTime
            self.stay = wasCalm ? Self.shortestStay : min(self.stay + self.stay, Self.longestStay)
        }
        self.staysUntil = now + self.stay
        return true
    }
}
