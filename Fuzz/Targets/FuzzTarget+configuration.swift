@testable import SluiceServer

extension FuzzTarget {
    static func runConfiguration(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return
        }
        var reader = ConfigurationReader(reading: ConfigurationReading(file: "config.yaml", folder: "/"))
        var document = ConfigurationDocument()
        if let root = document.read(text, into: &reader.reading) {
            reader.read(root)
        }
        ConfigurationChecks(configuration: reader.configuration).check(&reader.reading)
        for fault in reader.reading.faults {
            let harmful = fault.description.unicodeScalars.contains { $0.isHarmful }
            try self.promise(!harmful, "a fault is one harmless line")
        }
    }
}
