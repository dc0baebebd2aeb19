/// Which servers of a cluster are of less use than others, by probes that each is to pass on to all of them.
///
/// In each round one probe goes out by way of every server, and is to be heard by way of every server. Time is counted in
/// rounds, so a process that stood still itself blames nobody. Its driver sends, and tells what is heard.
package struct ServerBoard: Sendable {
    /// A probe that is not heard after so many rounds is lost.
    package static let answerRounds = 3
    /// For so many rounds in a row a server is the worse before it is avoided: a cut that falls into a round shows
    /// halves of it.
    package static let badRounds = 2
    /// The same for one that is itself linked with most of the others: where a cut ends, some links come back before
    /// others, and only a cut between two servers lasts.
    package static let badRoundsOfMany = 30
    /// For so many rounds in a row it is as good as the best before it is used again, so that a loose cable moves nobody
    /// to and fro.
    package static let goodRounds = 10
    /// For so many rounds after a connection came or went nothing is held against its server.
    package static let settlingRounds = 10

    /// What is to be done about servers that are of less use.
    package struct Verdict: Sendable, Equatable {
        /// Those to which nobody is to go while there are others.
        package var avoided: Set<Int>
        /// Those of them which are seen to be worse; of one to which the watch itself has no connection it is not known.
        package var left: Set<Int>

        package init(avoided: Set<Int> = [], left: Set<Int> = []) {
            self.avoided = avoided
            self.left = left
        }
    }

    private struct Server {
        var isConnected = false
        /// The round in which the connection came or went.
        var changedIn = 0
        /// By the server that heard it: the newest of this one's probes; 0 before the first.
        var heard: [Int]
        var badCount = 0
        var goodCount = 0
    }

    private var servers: [Server]
    private var round = 0
    private var avoided: Set<Int> = []

    /// - Parameter count: How many servers there are.
    package init(count: Int) {
        self.servers = Array(repeating: Server(heard: Array(repeating: 0, count: count)), count: count)
    }

    package mutating func connected(_ server: Int) { self.changed(server, isConnected: true) }

    package mutating func lost(_ server: Int) { self.changed(server, isConnected: false) }

    private mutating func changed(_ server: Int, isConnected: Bool) {
        self.servers[server].isConnected = isConnected
        self.servers[server].changedIn = self.round
        for other in self.servers.indices {
            self.servers[server].heard[other] = 0
            self.servers[other].heard[server] = 0
        }
    }

    package var verdict: Verdict {
        let left = self.avoided.filter { self.servers[$0].isConnected && !self.isSettling($0) }
        return Verdict(avoided: self.avoided, left: left)
    }

    private func isSettling(_ server: Int) -> Bool {
        self.round - self.servers[server].changedIn <= Self.settlingRounds
    }

    /// A server passed on what was sent in a round by way of another, or of itself.
    package mutating func heard(_ round: Int, from sender: Int, by server: Int) {
        guard self.servers.indices.contains(sender), self.servers.indices.contains(server), round <= self.round,
            self.servers[sender].isConnected, self.servers[server].isConnected
        else {
            return
        }
        self.servers[sender].heard[server] = max(self.servers[sender].heard[server], round)
    }

    /// Begins a round.
    ///
    /// - Returns: Its number, which the probes carry that are sent now.
    package mutating func begin() -> Int {
        self.round += 1
        self.judge()
        return self.round
    }

    private mutating func judge() {
        let links = self.servers.indices.map { self.links(of: $0) }
        let best = links.max() ?? 0
        // On the smaller side of a cut the servers hear each other, too. Where few are heard at all, the machine is late.
        let isMajority = best * 2 > self.servers.count
        for server in self.servers.indices {
            let isWorse = links[server] == 0 ? best * 2 >= self.servers.count : links[server] < best && isMajority
            if !isWorse {
                self.servers[server].badCount = 0
                self.servers[server].goodCount += 1
            } else if !self.isSettling(server) || self.avoided.contains(server) {
                self.servers[server].badCount += 1
                self.servers[server].goodCount = 0
            }
            let isOneOfMany = links[server] * 2 > self.servers.count
            if self.servers[server].badCount >= (isOneOfMany ? Self.badRoundsOfMany : Self.badRounds) {
                self.avoided.insert(server)
            } else if self.servers[server].goodCount >= Self.goodRounds {
                self.avoided.remove(server)
            }
        }
    }

    /// How many servers one is linked with both ways, itself among them; 0 where it stands still or is away.
    private func links(of server: Int) -> Int {
        guard self.hears(server, server) else { return 0 }
        return self.servers.indices.count { self.hears(server, $0) && self.hears($0, server) }
    }

    private func hears(_ sender: Int, _ server: Int) -> Bool {
        let heard = self.servers[sender].heard[server]
        return heard > 0 && heard + Self.answerRounds >= self.round
    }
}
