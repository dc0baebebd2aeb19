import Testing

@testable import SluiceBase

@Suite("A hash that is the same everywhere")
struct StableHashTests {
    @Test(
        "Its values are those of FNV-1a, and never change",
        arguments: [
            ("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8),
            ("scan.1", 0x4c4d_d8b8_1792_d359),
        ] as [(String, UInt64)]
    )
    func values(text: String, hash: UInt64) {
        #expect(StableHash.of(text) == hash)
        #expect(StableHash.of(Array(text.utf8)) == hash)
    }

    @Test("Mixed, it is another known one")
    func mixed() {
        #expect(StableHash.mixed(1) == 0x5692_161d_100b_05e5)
        #expect(StableHash.mixed(StableHash.of("a")) == 0x02c0_bdbf_4814_20f8)
        #expect(StableHash.of("a", from: 0) == 0x61 &* 0x100_0000_01b3)
    }
}
