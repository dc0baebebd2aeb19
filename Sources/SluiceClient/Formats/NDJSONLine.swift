import SluiceBase

/// Lines that are messages in the form that the gateway takes.
///
/// A line that the gateway would refuse is no message, since the other messages of its request would be refused with
/// it.
enum NDJSONLine {
    /// The gateway's limit for one message, in bytes.
    static let maximumMessageBytes = 256 * 1024

    /// The types that only the gateway sends, and the prefix of others.
    private static let reservedPrefix = "sluice."
    private static let reservedTypes: Set<String> = [
        "batch", "lag", "subscribed", "unsubscribed", "ack", "pong", "tokenExpiring", "scanStalled", "scanResumed",
    ]

    /// Reads a line as a message that the gateway takes; nil if it is none.
    static func message(in line: OutputLine, scanID: String) -> ProgressMessage? {
        guard !line.isTruncated, line.bytes.count <= self.maximumMessageBytes,
            let node = try? JSONReader.read(line.bytes), case .object(let members) = node.value
        else { return nil }
        let types = members.filter { $0.name == "type" }
        let scanIDs = members.filter { $0.name == "scanId" }
        guard types.count == 1, let type = types[0].node.string, !members.contains(where: { $0.name == "seq" }),
            scanIDs.count <= 1, scanIDs.allSatisfy({ $0.node.string == scanID }),
            (1...128).contains(type.unicodeScalars.count), !self.reservedTypes.contains(type),
            !type.hasPrefix(self.reservedPrefix),
            !type.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        return ProgressMessage(type: type, phase: node["phase"]?.scalarText, bytes: line.bytes)
    }
}
