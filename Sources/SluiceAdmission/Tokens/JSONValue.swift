/// A JSON text as a value, for the few short texts that tokens and key sets are made of.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// Infinite if the text names a number beyond a double's range.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The text, if this is a string.
    package var string: String? {
        guard case .string(let value) = self else {
            return nil
        }
        return value
    }

    /// The texts, if this is an array of strings and of nothing else.
    package var strings: [String]? {
        guard case .array(let elements) = self else {
            return nil
        }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for element in elements {
            guard let string = element.string else {
                return nil
            }
            strings.append(string)
        }
        return strings
    }
}
