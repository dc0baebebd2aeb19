import NIOCore
import SluiceEngine
import Testing

struct LeaveLimitTests {
    @Test
    func eachStayIsTwiceAsLongAsTheOneBeforeUntilAMinuteWasCalm() {
        var limit = LeaveLimit()
        func leaves(_ seconds: Int64) -> Bool { limit.leaves(now: .uptimeNanoseconds(0) + .seconds(seconds)) }
        let moments: [Int64] = [1, 2, 5, 6, 15, 16, 35, 36, 75, 76, 135, 136, 195, 196, 316, 320, 321]
        #expect(moments.filter { leaves($0) } == [1, 6, 16, 36, 76, 136, 196, 316, 321])
    }
}
