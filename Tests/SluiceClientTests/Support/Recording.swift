import Foundation

@testable import SluiceClient

/// Recorded output of real scanners, and a translator's result for it.
enum Recording {
    /// The bytes of a file under `Fixtures`.
    static func bytes(_ name: String, from path: String = #filePath) throws -> [UInt8] {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().deletingLastPathComponent()
        return Array(try Data(contentsOf: folder.appendingPathComponent("Fixtures/\(name)")))
    }

    /// The messages that come out when `bytes` go in on one stream, in pieces of `pieceBytes`.
    static func messages(
        of bytes: [UInt8],
        by translator: any OutputTranslator,
        stream: ScannerStream = .standardOutput,
        pieceBytes: Int = 7
    ) -> [String] {
        var reader = OutputReader(translator: translator)
        var messages: [ProgressMessage] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            messages += reader.append(rest.prefix(pieceBytes), from: stream)
            rest = rest.dropFirst(pieceBytes)
            while reader.hasMore { messages += reader.more() }
        }
        messages += reader.finish()
        return messages.map(\.text)
    }
}

extension ProgressMessage {
    /// The JSON text.
    var text: String { String(decoding: self.bytes, as: UTF8.self) }
}
