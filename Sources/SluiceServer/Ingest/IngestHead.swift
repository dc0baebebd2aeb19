internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The checked head of an ingest request.
struct IngestHead: Sendable, Equatable {
    enum Form: Sendable, Equatable {
        /// One object or an array of objects.
        case document
        /// An object a line, as they come.
        case lines
    }

    var form: Form
    var owner: String?
    var idempotencyKey: String?

    /// The longest user id that may own a scan, in bytes.
    static let maximumOwnerBytes = 256
    /// The longest idempotency key, in characters.
    static let maximumKeyLength = 128

    /// - Throws: What to answer instead.
    init(_ headers: HeaderFields) throws(Problem) {
        self.form = try Self.form(headers["Content-Type"])
        let encodings = headers.elements(of: "Content-Encoding").filter { $0.lowercased() != "identity" }
        guard encodings.isEmpty else {
            throw Problem(.unsupportedContentEncoding, "send the body as it is, without a content encoding")
        }
        self.owner = try Self.owner(headers["Scan-Owner"])
        self.idempotencyKey = try Self.idempotencyKey(headers["Idempotency-Key"])
        if self.form == .lines, self.idempotencyKey != nil {
            throw Problem(.idempotencyUnsupported, "a stream of lines cannot be repeated as a whole; send an array")
        }
    }

    /// Whether a request says that its body is a stream of lines.
    static func isStream(_ headers: HeaderFields) -> Bool {
        (try? self.form(headers["Content-Type"])) == .lines
    }

    private static func form(_ fields: [String]) throws(Problem) -> Form {
        if fields == ["application/json"] {
            return .document
        }
        let media = fields.first?.prefix { $0 != ";" }.trimming(in: " \t").lowercased()
        switch media {
        case "application/json" where fields.count == 1:
            return .document
        case "application/x-ndjson" where fields.count == 1:
            return .lines
        default:
            throw Problem(.unsupportedMediaType, "send application/json or application/x-ndjson")
        }
    }

    /// Checks the name of an owner, from a header or a body.
    static func checkedOwner(_ owner: String) throws(Problem) -> String {
        let isPrintable = owner.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
        guard !owner.isEmpty, owner.utf8.count <= Self.maximumOwnerBytes, isPrintable else {
            throw Problem(
                .invalidOwner,
                "an owner is a user id of 1 to \(Self.maximumOwnerBytes) bytes without control characters"
            )
        }
        return owner
    }

    private static func owner(_ fields: [String]) throws(Problem) -> String? {
        guard let owner = fields.first else {
            return nil
        }
        guard fields.count == 1 else {
            throw Problem(.invalidOwner, "Scan-Owner stands there twice")
        }
        return try self.checkedOwner(owner)
    }

    private static func idempotencyKey(_ fields: [String]) throws(Problem) -> String? {
        guard let key = fields.first else {
            return nil
        }
        guard fields.count == 1, !key.isEmpty, key.utf8.count <= Self.maximumKeyLength,
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Problem(
                .invalidIdempotencyKey,
                "Idempotency-Key is 1 to \(Self.maximumKeyLength) visible ASCII characters"
            )
        }
        return key
    }
}
