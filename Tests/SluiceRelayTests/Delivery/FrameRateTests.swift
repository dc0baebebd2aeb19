import Testing

@testable import SluiceRelay

@Suite("Frame rates that subscribers share")
struct FrameRateTests {
    @Test(
        "What is asked for is never exceeded, and kept where it is a usual number",
        arguments: [
            (0.1, 0.1), (0.15, 0.1), (0.3, 0.3), (0.5, 0.5), (0.99, 0.9), (1, 1), (2.5, 2), (9.9, 9), (10, 10),
            (11, 10),
            (12, 12), (20, 20), (25, 25), (50, 50), (99, 80), (100, 100), (119, 100), (1_000_000, 1_000_000),
            (1e300, 8e12),
        ]
    )
    func shared(asked: Double, shared: Double) {
        #expect(FrameRate.shared(atMost: asked) == shared)
    }

    @Test("However many rates are asked for, they are few, and close to what was asked")
    func few() {
        let asked = (1...9_990).map { 0.1 + Double($0) / 100 }
        let shared = asked.map { FrameRate.shared(atMost: $0) }
        #expect(Set(shared).count <= 30)
        for (asked, shared) in zip(asked, shared) {
            #expect(shared <= asked + 1e-9)
            #expect(asked < 1 ? asked - shared < 0.1 : shared * 2 > asked)
        }
    }
}
