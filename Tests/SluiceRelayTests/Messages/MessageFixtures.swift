import NIOCore
import SluiceBase
import SluiceRelay

enum MessageFixtures {
    /// A check for messages to the scan `abc-123`, with small limits where a test wants them.
    static func parser(
        _ configuration: RelayConfiguration = RelayConfiguration(),
        maximumMessageBytes: Int = 256 * 1024,
        maximumDepth: Int = 64
    ) -> MessageParser {
        MessageParser(
            rules: MessageRules(configuration),
            scanID: ScanID("abc-123")!,
            maximumMessageBytes: maximumMessageBytes,
            maximumDepth: maximumDepth
        )
    }

    static func outcome(_ parser: MessageParser, _ edge: JSONEdgeCase) -> Result<[Message], MessageError> {
        self.outcome(parser, edge.document)
    }

    static func outcome(_ parser: MessageParser, _ document: [UInt8]) -> Result<[Message], MessageError> {
        Result { () throws(MessageError) in
            try parser.parseDocument(ByteBuffer(bytes: document), maximumCount: 1000)
        }
    }

    /// The error that a document has to end in.
    static func failure(_ parser: MessageParser, _ document: String, maximumCount: Int = 1000) -> MessageError? {
        do throws(MessageError) {
            _ = try parser.parseDocument(ByteBuffer(string: document), maximumCount: maximumCount)
            return nil
        } catch {
            return error
        }
    }
}
