/// Frames as a client sends them, right and wrong ones.
package enum ClientBytes {
    package static let key: UInt32 = 0x37FA_213D

    /// A frame whose every part can be chosen.
    ///
    /// - Parameters:
    ///   - opcode: The low half of the first byte.
    ///   - payload: The payload.
    ///   - isFinal: FIN.
    ///   - reserved: RSV1 to RSV3 as they stand in the first byte.
    ///   - key: The masking key; nil sends the frame unmasked.
    ///   - lengthBytes: How many bytes tell the length; nil takes the shortest form.
    package static func frame(
        _ opcode: UInt8,
        _ payload: [UInt8] = [],
        isFinal: Bool = true,
        reserved: UInt8 = 0,
        key: UInt32? = ClientBytes.key,
        lengthBytes: Int? = nil
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved | opcode]
        bytes += self.length(payload.count, isMasked: key != nil, lengthBytes: lengthBytes)
        guard let key else { return bytes + payload }
        let keyBytes = (0..<4).map { UInt8(truncatingIfNeeded: key >> (24 - 8 * UInt32($0))) }
        bytes += keyBytes
        bytes += payload.enumerated().map { $0.element ^ keyBytes[$0.offset % 4] }
        return bytes
    }

    package static func text(_ text: String, isFinal: Bool = true) -> [UInt8] {
        self.frame(0x1, Array(text.utf8), isFinal: isFinal)
    }

    package static func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
        self.frame(0x8, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    /// Only the head of a frame that announces this many bytes.
    package static func announcing(_ length: UInt64, opcode: UInt8 = 0x2) -> [UInt8] {
        [0x80 | opcode, 0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * UInt64($0))) }
            + [1, 2, 3, 4]
    }

    private static func length(_ count: Int, isMasked: Bool, lengthBytes: Int?) -> [UInt8] {
        let mask: UInt8 = isMasked ? 0x80 : 0
        switch lengthBytes ?? (count < 126 ? 0 : count < 65_536 ? 2 : 8) {
        case 0: return [mask | UInt8(count)]
        case 2: return [mask | 126, UInt8(count >> 8), UInt8(count & 0xFF)]
        default: return [mask | 127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
        }
    }
}
