package import NIOCore
internal import NIOHTTP1
internal import SluiceBase

/// An error answer: a body of RFC 9457 and the fields that go with it.
package struct Problem: Error, Sendable, Equatable {
    /// The value of a further member of the body.
    package enum Value: Sendable, Equatable {
        case integer(Int)
        case string(String)
        case boolean(Bool)
    }

    /// A further member of the body.
    package struct Member: Sendable, Equatable {
        /// The member's name.
        package let name: String
        /// The member's value.
        package let value: Value
    }

    /// The kind of problem.
    package let code: ProblemCode
    /// A description of this occurrence, for a person.
    ///
    /// Never quotes a secret.
    package var detail: String
    /// Further members of the body, in order.
    package var members: [Member]
    /// When the client may come again, in whole seconds; goes out as `Retry-After`.
    package var retryAfterSeconds: Int?
    /// What a 401 or 403 asks for instead of its kind's own words; goes out as `WWW-Authenticate`.
    package var challenges: [String] = []
    /// The methods that the resource allows; goes out as `Allow`, which a 405 must have.
    package var allow: String?

    /// A problem of a kind.
    ///
    /// - Parameters:
    ///   - code: The kind.
    ///   - detail: A description of this occurrence; the kind's title if not given.
    ///   - members: Further members of the body; `title`, `status`, `detail` and `code` are taken.
    ///   - retryAfterSeconds: Where it is nil, an answer of 429 or 503 says 1.
    ///   - allow: The methods that a 405 names.
    package init(
        _ code: ProblemCode,
        _ detail: String? = nil,
        members: KeyValuePairs<String, Value> = [:],
        retryAfterSeconds: Int? = nil,
        allow: String? = nil
    ) {
        self.code = code
        self.detail = detail ?? code.title
        self.members = members.map { Member(name: $0.key, value: $0.value) }
        self.retryAfterSeconds = retryAfterSeconds
        self.allow = allow
    }

    /// The same problem with further members; those of the same name are replaced.
    package func adding(_ members: [(name: String, value: Value)]) -> Problem {
        var problem = self
        problem.members.removeAll { known in members.contains { $0.name == known.name } }
        problem.members += members.map { Member(name: $0.name, value: $0.value) }
        return problem
    }

    /// The body as JSON.
    package func body(allocator: ByteBufferAllocator) -> ByteBuffer {
        var writer = JSONWriter(allocator: allocator, capacity: 256)
        writer.beginObject()
        writer.member("title", self.code.title)
        writer.member("status", Int(self.code.status.code))
        writer.member("detail", self.detail)
        writer.member("code", self.code.rawValue)
        for member in self.members {
            switch member.value {
            case .integer(let value): writer.member(member.name, value)
            case .string(let value): writer.member(member.name, value)
            case .boolean(let value): writer.member(member.name, value)
            }
        }
        writer.endObject()
        return writer.buffer
    }

    /// The whole answer.
    package func response(allocator: ByteBufferAllocator) -> HTTPResponse {
        var headers = self.code.fields.map { (name: $0.key, value: $0.value) }
        if !self.challenges.isEmpty {
            headers.removeAll { $0.name == "WWW-Authenticate" }
            headers += self.challenges.map { (name: "WWW-Authenticate", value: $0) }
        }
        switch self.code.status {
        case .tooManyRequests, .serviceUnavailable:
            headers.append(("Retry-After", String(self.retryAfterSeconds ?? 1)))
        case .methodNotAllowed:
            headers.append(("Allow", self.allow ?? ""))
        default:
            break
        }
        return HTTPResponse(
            status: self.code.status,
            headers: headers,
            contentType: "application/problem+json",
            body: self.body(allocator: allocator),
            isStorable: false
        )
    }
}
