import Testing

@testable import SluiceBase

@Suite("Numbers with fractions as whole ones")
struct ClampingTests {
    @Test(
        "Whatever number comes, it becomes one",
        arguments: [
            (0, 0), (1.4, 1), (1.5, 2), (-1.9, -2), (1e300, .max), (-1e300, .min), (.infinity, .max),
            (-.infinity, .min),
            (.nan, 0), (9.3e18, .max), (4.5e15, 4_500_000_000_000_000),
        ] as [(Double, Int)]
    )
    func clamping(number: Double, whole: Int) {
        #expect(Int(clamping: number) == whole)
    }

    @Test("Of unsigned and of small types too")
    func otherTypes() {
        #expect(UInt8(clamping: -0.4) == 0 && UInt8(clamping: -7.0) == 0 && UInt8(clamping: 300.5) == 255)
        #expect(Int64(clamping: Double(Int64.max)) == .max)
    }
}
