import NIOCore
import NIOEmbedded
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("How late the event loops are")
struct LoopLagTests {
    @Test("Each loop is looked at four times a second, from the start to the stop")
    func rhythm() throws {
        let loops = [EmbeddedEventLoop(), EmbeddedEventLoop()]
        let lag = LoopLag(loops)
        lag.start()
        for loop in loops {
            loop.run()
            loop.advanceTime(by: .seconds(2))
        }
        #expect(try Self.count(lag, loops) == 16)
        lag.stop()
        for loop in loops {
            loop.run()
            loop.advanceTime(by: .seconds(2))
        }
        #expect(try Self.count(lag, loops) == 16)
    }

    private static func count(_ lag: LoopLag, _ loops: [EmbeddedEventLoop]) throws -> Int {
        let lags = lag.lags(on: loops[0])
        // Once for the question, once for the answers that hop back.
        for loop in loops + loops {
            loop.run()
        }
        return try lags.wait().count
    }
}
