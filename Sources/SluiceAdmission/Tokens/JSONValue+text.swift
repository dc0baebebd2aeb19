extension JSONValue {
    /// The value as JSON again; a number may be spelt another way than it was.
    package var text: String {
        switch self {
        case .null:
            return "null"
        case .bool(let value):
            return value ? "true" : "false"
        case .number(let value):
            // Within a double's exact range a whole number has no fraction to show; no other text names infinity.
            return value == value.rounded() && abs(value) <= 9_007_199_254_740_992
                ? String(Int64(value)) : (value.isFinite ? String(value) : "null")
        case .string(let value):
            return JSONText.quoted(value)
        case .array(let elements):
            return "[\(elements.map(\.text).joined(separator: ","))]"
        case .object(let object):
            return "{\(object.members.map { "\(JSONText.quoted($0.name)):\($0.value.text)" }.joined(separator: ","))}"
        }
    }
}
