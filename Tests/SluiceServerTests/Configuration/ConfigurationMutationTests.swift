import Foundation
import TestSupport
import Testing

@testable import SluiceServer

@Suite("Damaged configurations")
struct ConfigurationMutationTests {
    @Test("Whatever is done to a file, reading it ends, in a configuration or in faults of one line", arguments: 0..<20)
    func mutated(seed: UInt64) throws {
        let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("config.yaml.example")
        let bytes = Array(try Data(contentsOf: example))
        let letters = Array("{}[],:&*!|>'\"%@`-? \n\t#~\\\u{0}9e.<é\u{2028}".utf8)
        var generator = SplitMix64(seed: seed)
        for _ in 0..<20 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                let index = Int.random(in: 0..<damaged.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0:
                    damaged[index] = letters.randomElement(using: &generator)!
                case 1:
                    damaged.insert(letters.randomElement(using: &generator)!, at: index)
                default:
                    damaged.removeSubrange(index..<min(damaged.count, index + 30))
                }
            }
            var reader = ConfigurationReader(reading: ConfigurationReading(file: "config.yaml", folder: "/"))
            var document = ConfigurationDocument()
            if let root = document.read(String(decoding: damaged, as: UTF8.self), into: &reader.reading) {
                reader.read(root)
            }
            ConfigurationChecks(configuration: reader.configuration).check(&reader.reading)
            for fault in reader.reading.faults {
                #expect(fault.description.unicodeScalars.filter(\.isHarmful).isEmpty)
            }
        }
    }
}
