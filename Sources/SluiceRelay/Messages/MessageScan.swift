import NIOCore
internal import SluiceBase

/// A walk over one document that checks its messages and takes each out.
///
/// The grammar is `JSONScanner`'s; this knows the top level of a message: which members the gateway owns, and which make
/// up a conflation key. A walk ends at its first fault.
struct MessageScan {
    /// A top-level field that is part of some type's conflation key.
    private struct Field {
        /// Where its name stands among those the rules look for.
        let index: Int
        /// The range of its value.
        ///
        /// The last of several counts, as it does for readers of the message.
        var value: Range<Int>
    }

    /// The place that the walk has come to.
    var scanner: JSONScanner
    private let parser: MessageParser
    private var type: JSONString?
    private var carriesScanID = false
    private var severity: String?
    private var fields: [Field] = []
    private var noted = NotedFields()

    init(_ parser: MessageParser) {
        self.parser = parser
        self.scanner = JSONScanner(maximumDepth: parser.maximumDepth)
    }

    /// Checks the message whose opening brace is next, and stops after its closing one.
    mutating func scanMessage(_ bytes: Span<UInt8>) throws(MessageFault) -> Message {
        let start = self.scanner.offset
        self.type = nil
        self.carriesScanID = false
        self.severity = nil
        self.fields.removeAll(keepingCapacity: true)
        self.noted = NotedFields()

        self.scanner.offset += 1
        let first = try self.token(bytes)
        guard first != UInt8(ascii: "}") else { throw MessageFault(.missingType, at: start) }
        repeat {
            _ = try self.token(bytes)
            try self.scanMember(bytes)
        } while try self.separator(bytes, closing: UInt8(ascii: "}"))

        let object = start..<self.scanner.offset
        guard object.count <= self.parser.maximumMessageBytes else {
            throw MessageFault(.messageTooLarge(limit: self.parser.maximumMessageBytes), at: start)
        }
        return try self.makeMessage(bytes, object)
    }

    /// Checks one top-level member, and remembers it if it matters.
    private mutating func scanMember(_ bytes: Span<UInt8>) throws(MessageFault) {
        let place = self.scanner.offset
        let key = try self.key(bytes)
        let first = try self.token(bytes)
        let start = self.scanner.offset
        let name: (owned: OwnedField?, isSeverity: Bool, field: Int?, noted: NotedFields.Name?)
        if key.hasEscapes {
            let unescaped = key.unescaped(bytes)
            name = self.classify(unescaped.span, unescaped.indices)
        } else {
            name = self.classify(bytes, key.contents)
        }

        switch name.owned {
        case nil where name.isSeverity:
            self.severity = try self.severity(bytes, first: first)
        case nil:
            try self.skip(bytes, first: first)
            if let noted = name.noted { self.noted.note(noted, start..<self.scanner.offset) }
        case .type: try self.scanType(bytes, first: first, key: place)
        case .scanID: try self.scanScanID(bytes, first: first, key: place)
        case .seq: throw MessageFault(.reservedField, at: place)
        }
        if let field = name.field { self.remember(Field(index: field, value: start..<self.scanner.offset)) }
    }

    /// The meaning of a top-level key to the gateway.
    @inline(__always)
    private func classify(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) -> (owned: OwnedField?, isSeverity: Bool, field: Int?, noted: NotedFields.Name?) {
        (
            OwnedField(bytes, in: range), MessageSeverity.isName(bytes, range),
            self.parser.rules.fieldIndex(of: bytes, in: range), NotedFields.Name(bytes, in: range)
        )
    }

    private mutating func scanType(_ bytes: Span<UInt8>, first: UInt8, key: Int) throws(MessageFault) {
        guard self.type == nil else { throw MessageFault(.duplicateType, at: key) }
        guard first == UInt8(ascii: "\"") else { throw MessageFault(.typeNotString, at: self.scanner.offset) }
        self.type = try self.string(bytes)
    }

    private mutating func scanScanID(_ bytes: Span<UInt8>, first: UInt8, key: Int) throws(MessageFault) {
        guard !self.carriesScanID else { throw MessageFault(.duplicateScanID, at: key) }
        self.carriesScanID = true
        let start = self.scanner.offset
        guard first == UInt8(ascii: "\"") else { throw MessageFault(.scanIDMismatch, at: start) }
        let value = try self.string(bytes)
        guard value.hasEscapes else {
            guard bytes.holds(self.parser.scanID.span, in: value.contents) else {
                throw MessageFault(.scanIDMismatch, at: start)
            }
            return
        }
        let unescaped = value.unescaped(bytes)
        guard JSONString.isText(unescaped) else { throw MessageFault(.loneSurrogate, at: start) }
        guard unescaped == self.parser.scanID else { throw MessageFault(.scanIDMismatch, at: start) }
    }

    private mutating func remember(_ field: Field) {
        if let known = self.fields.firstIndex(where: { $0.index == field.index }) {
            self.fields[known] = field
        } else {
            self.fields.append(field)
        }
    }
}

// MARK: - The grammar, whose faults are messages' faults

extension MessageScan {
    @inline(__always)
    mutating func token(_ bytes: Span<UInt8>) throws(MessageFault) -> UInt8 {
        do throws(JSONFault) { return try self.scanner.token(bytes) } catch { throw MessageFault(error) }
    }

    @inline(__always)
    mutating func separator(_ bytes: Span<UInt8>, closing: UInt8) throws(MessageFault) -> Bool {
        do throws(JSONFault) {
            return try self.scanner.scanSeparator(bytes, closing: closing)
        } catch {
            throw MessageFault(error)
        }
    }

    @inline(__always)
    private mutating func key(_ bytes: Span<UInt8>) throws(MessageFault) -> JSONString {
        do throws(JSONFault) { return try self.scanner.scanKey(bytes) } catch { throw MessageFault(error) }
    }

    @inline(__always)
    private mutating func string(_ bytes: Span<UInt8>) throws(MessageFault) -> JSONString {
        do throws(JSONFault) { return try self.scanner.scanString(bytes) } catch { throw MessageFault(error) }
    }

    private mutating func severity(_ bytes: Span<UInt8>, first: UInt8) throws(MessageFault) -> String? {
        do throws(JSONFault) {
            return try MessageSeverity.scan(&self.scanner, bytes, first: first)
        } catch {
            throw MessageFault(error)
        }
    }

    @inline(__always)
    private mutating func skip(_ bytes: Span<UInt8>, first: UInt8) throws(MessageFault) {
        do throws(JSONFault) { try self.scanner.skipValue(bytes, first: first) } catch { throw MessageFault(error) }
    }
}

// MARK: - What comes of a checked object

extension MessageScan {
    private func makeMessage(_ bytes: Span<UInt8>, _ object: Range<Int>) throws(MessageFault) -> Message {
        guard let string = self.type else { throw MessageFault(.missingType, at: object.lowerBound) }
        let type = try self.text(ofType: string, bytes)
        let rule = self.parser.rules.rule(of: type)
        guard !rule.isReserved else { throw MessageFault(.reservedType, at: string.contents.lowerBound - 1) }

        var body = ByteBufferAllocator().buffer(capacity: object.count - 1)
        // Unsafe only in general, for elements with padding between them; bytes have none.
        body.writeBytes(unsafe bytes.bytes.extracting((object.lowerBound + 1)..<object.upperBound))
        return Message(
            body: body,
            type: type,
            fate: rule.fate,
            isTerminal: rule.isTerminal,
            carriesScanID: self.carriesScanID,
            conflationKey: rule.fate == .conflated ? self.conflationKey(type, rule, bytes) : nil,
            severity: self.severity,
            progress: MessageProgress(self.noted, type: type, rule: rule, bytes)
        )
    }

    /// The text of the type, if it is valid.
    private func text(ofType string: JSONString, _ bytes: Span<UInt8>) throws(MessageFault) -> String {
        guard string.hasEscapes else { return try self.text(bytes.extracting(string.contents), of: string) }
        return try self.text(string.unescaped(bytes).span, of: string)
    }

    private func text(_ characters: Span<UInt8>, of string: JSONString) throws(MessageFault) -> String {
        let place = string.contents.lowerBound - 1
        var count = 0
        for index in characters.indices {
            let byte = characters[index]
            // 0xC2 leads U+0080 to U+00BF, of which the first 32 are the C1 controls.
            guard byte >= 0x20, byte != 0x7F, byte != 0xC2 || characters[index + 1] >= 0xA0 else {
                throw MessageFault(.typeControlCharacter, at: place)
            }
            if byte & 0xC0 != 0x80 { count += 1 }
        }
        guard 1...MessageParser.maximumTypeLength ~= count else { throw MessageFault(.typeLength, at: place) }
        do throws(UTF8.ValidationError) {
            return String(copying: try UTF8Span(validating: characters))
        } catch {
            // The scanner has checked the posted bytes, so only an escape can have spelt this.
            throw MessageFault(.loneSurrogate, at: place)
        }
    }

    private func conflationKey(_ type: String, _ rule: MessageRules.Rule, _ bytes: Span<UInt8>) -> ConflationKey {
        var values: [ConflationKey.Value] = []
        values.reserveCapacity(rule.fieldIndices.count)
        for index in rule.fieldIndices {
            guard let field = self.fields.first(where: { $0.index == index }) else {
                values.append(.missing)
                continue
            }
            let value = field.value
            if bytes[value.lowerBound] == UInt8(ascii: "\"") {
                let contents = (value.lowerBound + 1)..<(value.upperBound - 1)
                values.append(.string(JSONString(contents: contents, hasEscapes: true).unescaped(bytes)))
            } else {
                values.append(.raw(value.map { bytes[$0] }))
            }
        }
        return ConflationKey(type: type, values: values)
    }
}
