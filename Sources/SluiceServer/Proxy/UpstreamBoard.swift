internal import NIOCore

/// Which of several upstreams gets a request: the one with the fewest open ones, of those that take connections.
///
/// A pure value.
struct UpstreamBoard: Sendable {
    private struct Standing {
        /// Requests and tunnels under way.
        var openCount = 0
        /// Nobody is sent there before, unless nobody else is left.
        var passedOverUntil: NIODeadline?
    }

    /// How long one that refused a connection is passed over.
    static let passOver = TimeAmount.seconds(5)

    private var standings: [String: Standing] = [:]
    /// Those with equally few take turns.
    private var turn = 0

    /// Takes one for a request, until ``release(_:)``.
    ///
    /// - Parameters:
    ///   - names: Those that there are.
    ///   - tried: Those that have refused this request.
    ///   - now: The loop's time.
    /// - Returns: One of them; nil if all have refused it.
    mutating func take(among names: [String], except tried: Set<String>, now: NIODeadline) -> String? {
        self.turn = (self.turn + 1) % 1_000_000_007
        let start = names.isEmpty ? 0 : self.turn % names.count
        let left = (names[start...] + names[..<start]).filter { !tried.contains($0) }
        let willing = left.filter { self.standings[$0]?.passedOverUntil.map { $0 <= now } ?? true }
        let chosen =
            willing.min { self.openCount(of: $0) < self.openCount(of: $1) }
            ?? left.min { self.passedOverUntil($0) < self.passedOverUntil($1) }
        if let chosen {
            self.standings[chosen, default: Standing()].openCount += 1
        }
        return chosen
    }

    /// A request is over.
    mutating func release(_ name: String) {
        guard var standing = self.standings[name] else {
            return
        }
        standing.openCount -= 1
        self.standings[name] = standing.openCount > 0 || standing.passedOverUntil != nil ? standing : nil
    }

    /// One refused a connection.
    mutating func refused(_ name: String, now: NIODeadline) {
        self.standings[name, default: Standing()].passedOverUntil = now + Self.passOver
    }

    /// One took a connection.
    mutating func accepted(_ name: String) {
        guard let standing = self.standings[name], standing.passedOverUntil != nil else {
            return
        }
        self.standings[name]?.passedOverUntil = nil
    }

    /// How many requests are under way at one.
    func openCount(of name: String) -> Int {
        self.standings[name]?.openCount ?? 0
    }

    /// How many are remembered.
    var count: Int { self.standings.count }

    private func passedOverUntil(_ name: String) -> NIODeadline {
        self.standings[name]?.passedOverUntil ?? .uptimeNanoseconds(0)
    }
}
