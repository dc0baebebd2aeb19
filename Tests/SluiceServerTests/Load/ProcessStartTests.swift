import Testing

@testable import SluiceServer

@Suite("When the process began")
struct ProcessStartTests {
    private static let system = "cpu  1 2 3\nctxt 5\nbtime 1700000000\nprocesses 9\n"

    private static func process(_ name: String) -> String {
        "4711 (\(name)) S 1 4711 4711 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 9 0 123450 1000 200 18446744073709551615\n"
    }

    @Test("It is so many ticks after the machine", arguments: ["sluice", "a b", "a) S (b", ")"])
    func known(name: String) {
        let seconds = ProcessStart.seconds(process: Self.process(name), system: Self.system, ticksPerSecond: 100)
        #expect(seconds == 1_700_001_234.5)
    }

    @Test("A text that is not as described says nothing")
    func unknown() {
        let process = Self.process("sluice")
        #expect(ProcessStart.seconds(process: "", system: Self.system, ticksPerSecond: 100) == nil)
        #expect(ProcessStart.seconds(process: "1 (a) S 1 2", system: Self.system, ticksPerSecond: 100) == nil)
        #expect(ProcessStart.seconds(process: process, system: "cpu 1\n", ticksPerSecond: 100) == nil)
        #expect(ProcessStart.seconds(process: process, system: "btime x\n", ticksPerSecond: 100) == nil)
    }
}
