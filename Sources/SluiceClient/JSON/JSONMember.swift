/// One member of a JSON object, its key without escapes.
struct JSONMember: Sendable, Equatable {
    let key: String
    let node: JSONNode
}
