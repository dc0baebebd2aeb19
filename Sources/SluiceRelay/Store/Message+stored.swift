package import NIOCore

/// A message as bytes and numbers, for those that keep it outside of memory.
extension Message {
    private static let terminalMark: UInt8 = 4
    private static let carriesScanIDMark: UInt8 = 8

    /// A message that was checked by an earlier process; `nil` where the marks and the key do not go together.
    ///
    /// - Parameters:
    ///   - body: As ``body``.
    ///   - type: As ``type``.
    ///   - marks: As ``storedMarks``.
    ///   - key: As ``storedKey``.
    ///   - severity: As ``severity``.
    ///   - progress: As ``progress``.
    package init?(
        stored body: ByteBuffer,
        type: String,
        marks: UInt8,
        key: [UInt8]?,
        severity: String?,
        progress: MessageProgress? = nil
    ) {
        guard let fate = Fate(storedMarks: marks) else {
            return nil
        }
        let conflationKey = key.flatMap { ConflationKey(stored: $0, type: type) }
        guard (fate == .conflated) == (conflationKey != nil) else {
            return nil
        }
        self.init(
            body: body,
            type: type,
            fate: fate,
            isTerminal: marks & Self.terminalMark != 0,
            carriesScanID: marks & Self.carriesScanIDMark != 0,
            conflationKey: conflationKey,
            severity: severity,
            progress: progress
        )
    }

    /// The facts that the relay needs about the message besides its type: the fate in the lowest two bits (0 critical,
    /// 1 ordinary, 2 conflated), 4 for a terminal message, 8 for a message that carries its scan's id.
    package var storedMarks: UInt8 {
        let fate: UInt8 =
            switch self.fate {
            case .critical: 0
            case .ordinary: 1
            case .conflated: 2
            }
        return fate | (self.isTerminal ? Self.terminalMark : 0) | (self.carriesScanID ? Self.carriesScanIDMark : 0)
    }

    /// The values of the conflation key; `nil` if and only if the message is not conflated.
    package var storedKey: [UInt8]? {
        self.conflationKey?.storedBytes
    }
}

extension Fate {
    /// The fate that ``Message/storedMarks`` say; nil for marks that no message has.
    package init?(storedMarks marks: UInt8) {
        switch marks & 3 {
        case 0: self = .critical
        case 1: self = .ordinary
        case 2: self = .conflated
        default: return nil
        }
    }
}

extension ConflationKey {
    private static let missingTag: UInt8 = 0
    private static let stringTag: UInt8 = 1
    private static let rawTag: UInt8 = 2

    /// Each value as a tag, a length of four bytes, most significant first, and its bytes.
    fileprivate var storedBytes: [UInt8] {
        var bytes: [UInt8] = []
        for value in self.values {
            switch value {
            case .missing:
                bytes.append(Self.missingTag)
            case .string(let text):
                Self.append(text, Self.stringTag, to: &bytes)
            case .raw(let text):
                Self.append(text, Self.rawTag, to: &bytes)
            }
        }
        return bytes
    }

    fileprivate init?(stored bytes: [UInt8], type: String) {
        var values: [Value] = []
        var rest = bytes[...]
        while let tag = rest.popFirst() {
            guard tag != Self.missingTag else {
                values.append(.missing)
                continue
            }
            let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 4 + count, tag == Self.stringTag || tag == Self.rawTag else {
                return nil
            }
            let text = Array(rest.dropFirst(4).prefix(count))
            values.append(tag == Self.stringTag ? .string(text) : .raw(text))
            rest = rest.dropFirst(4 + count)
        }
        self.init(type: type, values: values)
    }

    private static func append(_ text: [UInt8], _ tag: UInt8, to bytes: inout [UInt8]) {
        let count = UInt32(text.count)
        bytes.append(tag)
        bytes += [UInt8(truncatingIfNeeded: count >> 24), UInt8(truncatingIfNeeded: count >> 16)]
        bytes += [UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
        bytes += text
    }
}
