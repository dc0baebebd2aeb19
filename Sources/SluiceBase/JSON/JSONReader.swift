/// Reads one JSON text into a tree, by the same strict pass that checks scan messages.
package struct JSONReader {
    /// The values that a text may hold, within the grammar of RFC 8259.
    package struct Rules: Sendable {
        /// How many arrays and objects may stand in one another, the outermost counted: 1 to 66.
        package var maximumDepth: Int
        /// The most members of an object.
        package var maximumMemberCount: Int
        /// The most values in all, those that are left out counted.
        package var maximumNodeCount: Int
        /// Whether a name twice in an object is a fault.
        ///
        /// Each name is compared with those before it, so `maximumMemberCount` has to be small where strangers write.
        package var refusesDuplicateNames: Bool
        /// Whether an escaped surrogate without its other half is a fault; otherwise it is read as U+FFFD.
        package var refusesLoneSurrogates: Bool
        /// Members, at any depth, that are checked and not kept.
        package var leftOutNames: Set<String>

        /// For texts that decide something, such as tokens and requests: nothing in them may be read in two ways.
        package static func strict(maximumDepth: Int, maximumMemberCount: Int) -> Rules {
            Rules(
                maximumDepth: maximumDepth,
                maximumMemberCount: maximumMemberCount,
                maximumNodeCount: .max,
                refusesDuplicateNames: true,
                refusesLoneSurrogates: true,
                leftOutNames: []
            )
        }

        /// For texts from outside that are passed on or shown: the grammar alone, nested as deep as messages may be.
        package static func tolerant(
            maximumDepth: Int = JSONNesting.capacity,
            maximumNodeCount: Int = .max,
            leavingOut names: Set<String> = []
        ) -> Rules {
            Rules(
                maximumDepth: maximumDepth,
                maximumMemberCount: .max,
                maximumNodeCount: maximumNodeCount,
                refusesDuplicateNames: false,
                refusesLoneSurrogates: false,
                leftOutNames: names
            )
        }
    }

    /// The text, which the span that is passed along shows: a span cannot be kept.
    private let bytes: [UInt8]
    private let rules: Rules
    private var scanner: JSONScanner
    private var roomForNodes: Int
    /// Whether the current value is checked and dropped.
    private var isLeavingOut = false

    private init(_ bytes: [UInt8], _ rules: Rules) {
        self.bytes = bytes
        self.rules = rules
        self.scanner = JSONScanner(maximumDepth: rules.maximumDepth)
        self.roomForNodes = rules.maximumNodeCount
    }

    /// Reads a text that has to be one value, with nothing but white space around it.
    ///
    /// - Parameters:
    ///   - bytes: The text, in UTF-8. The caller bounds its length.
    ///   - rules: The values that it may hold.
    /// - Returns: The value, its ranges counted from the start of `bytes`.
    /// - Throws: The first fault.
    package static func read(_ bytes: [UInt8], _ rules: Rules = .tolerant()) throws(JSONFault) -> JSONNode {
        var reader = Self(bytes, rules)
        let node = try reader.value(bytes.span, depth: 1)
        guard reader.scanner.peek(bytes.span) == nil else {
            throw JSONFault(.trailingBytes, at: reader.scanner.offset)
        }
        return node
    }

    /// Reads a text that has to be one object, with nothing but white space around it.
    package static func object(_ bytes: [UInt8], _ rules: Rules) throws(JSONFault) -> JSONNode {
        var scanner = JSONScanner(maximumDepth: rules.maximumDepth)
        guard scanner.peek(bytes.span) == UInt8(ascii: "{") else {
            throw JSONFault(.notAnObject, at: scanner.offset)
        }
        return try self.read(bytes, rules)
    }

    private mutating func value(_ bytes: Span<UInt8>, depth: Int) throws(JSONFault) -> JSONNode {
        let first = try self.scanner.token(bytes)
        let start = self.scanner.offset
        guard self.roomForNodes > 0 else {
            throw JSONFault(.tooManyValues(limit: self.rules.maximumNodeCount), at: start)
        }
        self.roomForNodes -= 1
        let value: JSONNode.Value
        switch first {
        case UInt8(ascii: "{"):
            value = .object(try self.members(bytes, depth: depth))
        case UInt8(ascii: "["):
            value = .array(try self.elements(bytes, depth: depth))
        case UInt8(ascii: "\""):
            let string = try self.scanner.scanString(bytes)
            value = .string(try self.text(string))
        default:
            try self.scanner.skipScalar(bytes, first: first)
            value =
                switch first {
                case UInt8(ascii: "t"): .bool(true)
                case UInt8(ascii: "f"): .bool(false)
                case UInt8(ascii: "n"): .null
                default: .number(self.string(start..<self.scanner.offset))
                }
        }
        return JSONNode(range: start..<self.scanner.offset, value: value)
    }

    private mutating func members(_ bytes: Span<UInt8>, depth: Int) throws(JSONFault) -> [JSONMember] {
        guard try self.enters(bytes, closing: UInt8(ascii: "}"), depth: depth) else {
            return []
        }
        var members: [JSONMember] = []
        var count = 0
        repeat {
            _ = try self.scanner.token(bytes)
            let place = self.scanner.offset
            count += 1
            guard count <= self.rules.maximumMemberCount else {
                throw JSONFault(.tooManyMembers(limit: self.rules.maximumMemberCount), at: place)
            }
            let key = try self.scanner.scanKey(bytes)
            let name = try self.text(key)
            guard let member = try self.member(name, bytes, depth: depth) else { continue }
            if self.rules.refusesDuplicateNames, members.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
                throw JSONFault(.duplicateName, at: place)
            }
            members.append(member)
        } while try self.scanner.scanSeparator(bytes, closing: UInt8(ascii: "}"))
        return members
    }

    /// Reads a member's value; nil if it is not kept.
    private mutating func member(
        _ name: String,
        _ bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONFault) -> JSONMember? {
        let isWithinLeftOut = self.isLeavingOut
        self.isLeavingOut = isWithinLeftOut || self.rules.leftOutNames.contains(name)
        defer { self.isLeavingOut = isWithinLeftOut }
        let node = try self.value(bytes, depth: depth + 1)
        return self.isLeavingOut ? nil : JSONMember(name: name, node: node)
    }

    private mutating func elements(_ bytes: Span<UInt8>, depth: Int) throws(JSONFault) -> [JSONNode] {
        guard try self.enters(bytes, closing: UInt8(ascii: "]"), depth: depth) else {
            return []
        }
        var elements: [JSONNode] = []
        repeat {
            let element = try self.value(bytes, depth: depth + 1)
            if !self.isLeavingOut { elements.append(element) }
        } while try self.scanner.scanSeparator(bytes, closing: UInt8(ascii: "]"))
        return elements
    }

    /// Passes the opening byte of a container.
    ///
    /// - Returns: False if the container is empty; then its closing byte is passed too.
    private mutating func enters(_ bytes: Span<UInt8>, closing: UInt8, depth: Int) throws(JSONFault) -> Bool {
        guard depth <= self.rules.maximumDepth else {
            throw JSONFault(.tooDeep(limit: self.rules.maximumDepth), at: self.scanner.offset)
        }
        self.scanner.offset += 1
        guard try self.scanner.token(bytes) == closing else {
            return true
        }
        self.scanner.offset += 1
        return false
    }

    /// The text of a string; empty if it is not kept.
    private func text(_ string: JSONString) throws(JSONFault) -> String {
        // Members are left out under tolerant rules alone, where no escape is a fault.
        guard !self.isLeavingOut else { return "" }
        guard string.hasEscapes else {
            return self.string(string.contents)
        }
        let unescaped = string.unescaped(self.bytes.span)
        if JSONString.isText(unescaped) {
            return String(decoding: unescaped, as: UTF8.self)
        }
        guard !self.rules.refusesLoneSurrogates else {
            throw JSONFault(.loneSurrogate, at: string.contents.lowerBound)
        }
        return Self.repaired(unescaped)
    }

    /// Replaces each lone surrogate, which is three bytes of which no UTF-8 is made, by one U+FFFD.
    private static func repaired(_ unescaped: [UInt8]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(unescaped.count)
        var index = 0
        while index < unescaped.count {
            if unescaped[index] == 0xED, index + 1 < unescaped.count, unescaped[index + 1] >= 0xA0 {
                bytes += "\u{FFFD}".utf8
                index += 3
            } else {
                bytes.append(unescaped[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func string(_ range: Range<Int>) -> String {
        String(decoding: self.bytes[range], as: UTF8.self)
    }
}
