import SluiceEngine
import Testing

/// Rounds from left to right, a server on each line: servers with the same letter hear each other, `s` stands still, and
/// `-` has no connection. Beside it, in which of the rounds each is avoided (`-`), and left, too (`!`).
struct ServerBoardTests {
    /// What is to be done about each server in each round.
    private func play(_ lines: [String], isOpen: (Int, Int, Int) -> Bool = { _, _, _ in true }) -> [String] {
        let states = lines.map { Array($0) }
        var board = ServerBoard(count: lines.count)
        var rows = Array(repeating: "", count: lines.count)
        for column in states[0].indices {
            for server in states.indices {
                let wasConnected = column > 0 && states[server][column - 1] != "-"
                switch (wasConnected, states[server][column] != "-") {
                case (false, true): board.connected(server)
                case (true, false): board.lost(server)
                case (true, true), (false, false): break
                }
            }
            let round = board.begin()
            for server in states.indices { rows[server] += Self.mark(board.verdict, server) }
            for sender in states.indices {
                for server in states.indices where isOpen(sender, server, column) {
                    let (one, other) = (states[sender][column], states[server][column])
                    guard one == other, one != "s", one != "-" else { continue }
                    board.heard(round, from: sender, by: server)
                }
            }
        }
        return rows
    }

    private static func mark(_ verdict: ServerBoard.Verdict, _ server: Int) -> String {
        verdict.left.contains(server) ? "!" : verdict.avoided.contains(server) ? "-" : "."
    }

    @Test(arguments: [
        // One stands still, or is cut off: it is avoided four rounds later, and used again ten rounds after it is back.
        """
        ..............ssssssssss............... ..................!!!!!!!!!!!!!!!!.....
        ....................................... .......................................
        ....................................... .......................................
        """,
        """
        ....................................... .......................................
        ..............aaaaaaaaaa............... ..................!!!!!!!!!!!!!!!!.....
        ....................................... .......................................
        """,
        // Nothing is heard for three rounds: a busy machine.
        """
        ............sss.................. .................................
        ................................. .................................
        ............sss.................. .................................
        """,
        // All stand still: there is none that is better.
        """
        ............ssssssss........... ...............................
        ............ssssssss........... ...............................
        ............ssssssss........... ...............................
        """,
        // A loose cable moves everybody once.
        """
        ............aaaaaaa..aaaaaa...aaaaaa................ ................!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!......
        .................................................... ....................................................
        .................................................... ....................................................
        """,
        // One is away: that is known to those who were connected, and after a while nobody tries it. Where only the watch
        // cannot get there, nobody leaves it.
        """
        ............--------------..................... .......................-------------...........
        ............................................... ...............................................
        ............................................... ...............................................
        """,
        // Servers that come one after the other at the start, and one that never does.
        """
        ------......................... ...............................
        -.............................. ...............................
        ------------------------------- ...........--------------------
        """,
        // Two are known, and cut off from each other: nothing tells which of them is on the greater side.
        """
        ............aaaaaaaaaa..... ...........................
        ........................... ...........................
        """,
        // Two are known, and one stands still.
        """
        ............ssssssssss ................!!!!!!
        ...................... ......................
        """,
        // One of three is heard: nobody is sent there before another is heard, too.
        """
        ............sssssss........ ...........................
        ............ssssssssssss... .....................!!!!!!
        ........................... ...........................
        """,
        // Four are cut in halves, five in two and three.
        """
        ............aaaaaaaaaa ......................
        ............aaaaaaaaaa ......................
        ...................... ......................
        ...................... ......................
        """,
        """
        ............aaaaaaa ................!!!
        ............aaaaaaa ................!!!
        ................... ...................
        ................... ...................
        ................... ...................
        """,
    ])
    func serversThatAreOfLessUseAreAvoided(_ picture: String) {
        let columns = picture.split(separator: "\n").map { $0.split(separator: " ").map { String($0) } }
        #expect(self.play(columns.map { $0[0] }) == columns.map { $0[1] })
    }

    /// Rounds in which three servers are well, but for what is cut between them.
    private func play(_ count: Int, isOpen: (Int, Int, Int) -> Bool) -> [String] {
        self.play(Array(repeating: String(repeating: ".", count: count), count: 3), isOpen: isOpen)
    }

    @Test
    func twoThatDoNotHearEachOtherAreLeftForTheOneThatHearsBoth() {
        let rows = self.play(60) { sender, server, column in column < 15 || sender + server != 1 }
        let left = String(repeating: ".", count: 47) + String(repeating: "!", count: 13)
        #expect(rows == [left, left, String(repeating: ".", count: 60)])
    }

    @Test
    func linksThatComeBackOneAfterTheOtherMoveNobodyToTheFirst() {
        let rows = self.play(80) { sender, server, column in
            let isOfOne = sender != server && (sender == 0 || server == 0)
            return !isOfOne || column < 15 || column >= (sender + server == 1 ? 30 : 40)
        }
        let left =
            String(repeating: ".", count: 19) + String(repeating: "!", count: 31) + String(repeating: ".", count: 30)
        #expect(rows == [left, String(repeating: ".", count: 80), String(repeating: ".", count: 80)])
    }

    @Test
    func whoIsHeardByNobodyIsAvoidedAlthoughItHearsAll() {
        let rows = self.play(14) { sender, server, _ in sender != 2 || server == 2 }
        #expect(rows == ["..............", "..............", "...........!!!"])
    }

    @Test
    func whatNobodySentIsNotHeard() {
        var board = ServerBoard(count: 2)
        board.connected(0)
        board.connected(1)
        // Of a round to come, of servers that there are not, and by one that has no connection any more.
        board.lost(1)
        for _ in 0..<20 {
            let round = board.begin()
            board.heard(round, from: 0, by: 0)
            board.heard(round, from: 1, by: 1)
            board.heard(round, from: 7, by: 0)
            board.heard(round, from: 0, by: -1)
            board.heard(.max, from: 0, by: 1)
        }
        #expect(board.verdict == ServerBoard.Verdict(avoided: [1], left: []))
    }
}
