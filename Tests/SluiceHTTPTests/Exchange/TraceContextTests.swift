import Instrumentation
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    private static func context(_ header: String?) -> TraceContext {
        var generator = SplitMix64(seed: 7)
        return TraceContext(header.flatMap { CallerTrace(parent: $0) }, using: &generator)
    }

    @Test(arguments: ["00", "01"]) func `a caller's trace goes on, and the request has an id of its own`(flags: String)
    {
        let context = Self.context("00-\(Self.trace)-00f067aa0ba902b7-\(flags)")
        #expect(context.traceID == Self.trace)
        #expect(context.requestID.utf8.count == 16 && context.requestID != "00f067aa0ba902b7")
        #expect(context.header == "00-\(Self.trace)-\(context.requestID)-\(flags)")
    }

    @Test func `of a later version what is known is read, and of flags only the one that is known`() {
        let context = Self.context("cc-\(Self.trace)-00f067aa0ba902b7-ff-what-comes")
        #expect(context.traceID == Self.trace && context.header?.hasSuffix("-01") == true)
    }

    @Test(
        arguments: [
            nil, "", "00", "ff-\(TraceContextTests.trace)-00f067aa0ba902b7-01",
            "00-\(TraceContextTests.trace)-00f067aa0ba902b7-01-more",
            "00-\(TraceContextTests.trace)-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-\(TraceContextTests.trace)-00f067aa0ba902b7-0x",
            "00_\(TraceContextTests.trace)-00f067aa0ba902b7-01", "01-\(TraceContextTests.trace)-00f067aa0ba902b7-01.",
            "é0-\(TraceContextTests.trace)-00f067aa0ba902b7-1",
        ] as [String?]
    )
    func `what breaks the rules counts as none`(header: String?) {
        let context = Self.context(header)
        #expect(context.traceID == nil && context.header == nil && context.requestID.utf8.count == 16)
    }

    /// Counts how often it is asked.
    private struct Counting: RandomNumberGenerator {
        var count = 0
        var number: UInt64

        mutating func next() -> UInt64 {
            self.count += 1
            return self.number
        }
    }

    @Test(arguments: [(0, "0000000000000001"), (0xFEDC_BA98_7654_3210, "fedcba9876543210")] as [(UInt64, String)])
    func `a request costs one random number, and is never all zeros`(number: UInt64, id: String) {
        for header in [nil, "00-\(Self.trace)-00f067aa0ba902b7-01"] {
            var generator = Counting(number: number)
            let context = TraceContext(header.flatMap { CallerTrace(parent: $0) }, using: &generator)
            #expect(context.requestID == id && generator.count == 1)
        }
    }

    @Test func `what a caller says of its trace is told on as it came`() {
        let parent = "00-\(Self.trace)-00f067aa0ba902b7-01"
        let told = [("TraceParent", parent), ("tracestate", "a=1"), ("Tracestate", "b=2")]
        let fields = InstrumentationContext(of: HeaderFields(told)).fields
        #expect(fields.map(\.name) == ["traceparent", "tracestate"] && fields.map(\.value) == [parent, "a=1,b=2"])
        let long = String(repeating: "x", count: CallerTrace.maximumStateBytes + 1)
        let alone = InstrumentationContext(of: HeaderFields([("traceparent", parent), ("tracestate", long)])).fields
        #expect(alone.map(\.value) == [parent])
    }

    @Test(arguments: [
        [], [("tracestate", "a=1")], [("traceparent", "00-1-2-3"), ("tracestate", "a=1")],
        Array(repeating: ("traceparent", "00-\(TraceContextTests.trace)-00f067aa0ba902b7-01"), count: 2),
    ])
    func `without a parent that is one, nothing is told`(fields: [(String, String)]) {
        #expect(InstrumentationContext(of: HeaderFields(fields)).fields.isEmpty)
    }
}
