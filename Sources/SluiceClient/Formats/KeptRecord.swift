import NIOCore
import SluiceBase

/// Turns a JSON object that no format knows into a message of its own; its members stay as they are written.
enum KeptRecord {
    /// The type of these messages.
    static let type = "finding"

    /// Members whose names belong to the gateway, with the names they get instead.
    private static let ownedNames = ["type": "recordType", "seq": "recordSeq", "scanId": "recordScanId"]

    /// Reads a line that holds an object, or an array of objects.
    ///
    /// - Returns: One message per object; nil where the line holds anything else, or a message would exceed the
    ///   gateway's limit.
    static func messages(of line: OutputLine) -> [ProgressMessage]? {
        guard !line.isTruncated, line.bytes.count <= NDJSONLine.maximumMessageBytes,
            let first = line.bytes.first(where: { $0 != 0x20 && $0 != 0x09 }),
            first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            let node = try? JSONReader.read(line.bytes)
        else { return nil }
        return self.messages(of: node, in: line.bytes)
    }

    /// Makes messages of an object, or of an array of objects.
    ///
    /// - Parameters:
    ///   - node: The value.
    ///   - bytes: The text that it was read from.
    /// - Returns: One message per object; nil where there are none, or one would exceed the gateway's limit.
    static func messages(of node: JSONNode, in bytes: [UInt8]) -> [ProgressMessage]? {
        if node.isObject { return self.message(of: node, in: bytes).map { [$0] } }
        guard !node.elements.isEmpty else { return nil }
        let messages = node.elements.compactMap { $0.isObject ? self.message(of: $0, in: bytes) : nil }
        return messages.count == node.elements.count ? messages : nil
    }

    private static func message(of node: JSONNode, in bytes: [UInt8]) -> ProgressMessage? {
        guard node.range.count <= NDJSONLine.maximumMessageBytes else { return nil }
        let message = ProgressMessage(self.type) { object in
            for member in node.members {
                object.name(self.ownedNames[member.name] ?? member.name)
                object.raw(ByteBuffer(bytes: bytes[member.node.range]))
            }
        }
        return message.bytes.count <= NDJSONLine.maximumMessageBytes ? message : nil
    }
}
