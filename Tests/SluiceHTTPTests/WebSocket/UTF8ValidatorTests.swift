import Testing

@testable import SluiceHTTP

@Suite struct UTF8ValidatorTests {
    @Test(
        "What Swift decodes without repair is UTF-8, and nothing else, wherever it is cut",
        arguments: [
            [], [0x41], [0x7F], [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2, 0x80], [0xDF, 0xBF], [0xC3],
            [0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xEE, 0x80, 0x80],
            [0xEF, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xE2, 0x82], [0xE2, 0x82, 0x41],
            Array("κόσμε, déjà vu, 日本語, 😀 and sixteen ASCII letters".utf8),
            Array("ABCDEFGHIJKLMNOP".utf8) + [0xC3] + Array("ABCDEFGHIJKLMNOP".utf8),
        ] as [[UInt8]]
    )
    func agreesWithSwift(bytes: [UInt8]) {
        let expected = String(validating: bytes, as: UTF8.self) != nil
        for cut in 0...bytes.count {
            var validator = UTF8Validator()
            let isValid = validator.append(Array(bytes[..<cut]).span) && validator.append(Array(bytes[cut...]).span)
            #expect((isValid && validator.isComplete) == expected, "cut at \(cut)")
        }
    }

    @Test(
        "It is wrong at the first byte that no character can go on with",
        arguments: [
            ([0xF4, 0x90], 2), ([0xED, 0xA0], 2), ([0xE0, 0x80], 2), ([0xF0, 0x80], 2), ([0xC0], 1),
            ([0xE2, 0x82, 0x28], 3),
        ] as [([UInt8], Int)]
    )
    func failsFast(bytes: [UInt8], failing: Int) {
        var validator = UTF8Validator()
        for index in 0..<bytes.count {
            let isValid = validator.append([bytes[index]].span)
            #expect(isValid == (index + 1 < failing))
        }
    }
}
