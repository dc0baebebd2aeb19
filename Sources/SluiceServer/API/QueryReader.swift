internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Reads the values of query parameters; a malformed or repeated one is refused.
enum QueryReader {
    /// A text that occurs at most once.
    static func text(_ name: String, in query: QueryParameters) throws(Problem) -> String? {
        guard query.count(of: name) <= 1 else {
            throw Problem(.invalidParameter, "\(name) stands there twice")
        }
        return query.first(name)
    }

    /// A whole number within a range.
    static func integer(
        _ name: String,
        in query: QueryParameters,
        _ range: ClosedRange<UInt64>
    ) throws(Problem) -> UInt64? {
        guard let text = try self.text(name, in: query) else {
            return nil
        }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = UInt64(text),
            range.contains(number)
        else {
            throw Problem(
                .invalidParameter,
                "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// A message's number, the last one that a reader already has.
    static func seq(_ name: String, in query: QueryParameters) throws(Problem) -> Seq? {
        guard let text = try self.text(name, in: query) else {
            return nil
        }
        guard let seq = Seq(text) else {
            throw self.noSeq(name)
        }
        return seq
    }

    /// The answer to a number that no message can have.
    static func noSeq(_ name: String) -> Problem {
        Problem(.invalidParameter, "\(name) is a whole number from 0 to \(Seq.max)")
    }

    /// A number of at least `minimum`.
    static func number(_ name: String, in query: QueryParameters, atLeast minimum: Double) throws(Problem) -> Double? {
        guard let text = try self.text(name, in: query) else {
            return nil
        }
        // `Double` reads hexadecimal and names too, which no client means.
        let isDecimal = text.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".")
        }
        guard isDecimal, let number = Double(text), number.isFinite, number >= minimum else {
            throw Problem(.invalidParameter, "\(name) is a number of at least \(minimum)")
        }
        return number
    }

    /// One of a few words.
    static func choice(
        _ name: String,
        in query: QueryParameters,
        _ choices: [String]
    ) throws(Problem) -> String? {
        guard let text = try self.text(name, in: query) else {
            return nil
        }
        guard choices.contains(text) else {
            throw Problem(.invalidParameter, "\(name) is one of: \(choices.joined(separator: ", "))")
        }
        return text
    }

    /// A text to search for; an empty one counts as none.
    static func search(_ name: String, in query: QueryParameters) throws(Problem) -> String? {
        guard let text = try self.text(name, in: query), !text.isEmpty else {
            return nil
        }
        guard text.utf8.count <= TextSearch.maximumByteCount else {
            throw Problem(.invalidParameter, "\(name) has at most \(TextSearch.maximumByteCount) bytes")
        }
        return text
    }

    /// Types separated by commas.
    static func filter(_ name: String, in query: QueryParameters) throws(Problem) -> TypeFilter {
        guard let text = try self.text(name, in: query), !text.isEmpty else {
            return .everything
        }
        return try self.filter(text.split(separator: ",", omittingEmptySubsequences: true).map { String($0) })
    }

    /// Types, each checked.
    static func filter(_ types: [String]) throws(Problem) -> TypeFilter {
        guard types.count <= TypeFilter.maximumCount else {
            throw Problem(.invalidParameter, "name at most \(TypeFilter.maximumCount) types")
        }
        guard types.allSatisfy({ !$0.isEmpty && $0.unicodeScalars.count <= TypeFilter.maximumLength }) else {
            throw Problem(.invalidParameter, "a type has 1 to \(TypeFilter.maximumLength) characters")
        }
        return TypeFilter(types)
    }
}

/// Reads the small JSON bodies of API requests.
enum BodyReader {
    private static let rules = JSONReader.Rules.strict(maximumDepth: 8, maximumMemberCount: 32)

    /// The body's object; no body is an empty one.
    static func object(_ body: ByteBuffer) throws(Problem) -> JSONNode {
        guard body.readableBytes > 0 else {
            return JSONNode(range: 0..<0, value: .object([]))
        }
        do throws(JSONFault) {
            return try JSONReader.object(Array(body.readableBytesView), Self.rules)
        } catch {
            throw Problem(.invalidBody, "the body is not one JSON object")
        }
    }
}

extension ScanID {
    /// The scan that a path's segment names.
    ///
    /// - Throws: The answer to give instead.
    init(segment: String) throws(Problem) {
        guard let scanID = ScanID(segment) else {
            throw Problem(
                .invalidScanID,
                "a scan's id has 1 to 128 of the characters A-Z a-z 0-9 . _ ~ -, and is not . or .. or stats"
            )
        }
        self = scanID
    }
}
