/// The parameters of a query, decoded as `URLSearchParams` encodes them: `+` and `%20` are a space.
package struct QueryParameters: Sendable, Equatable {
    /// A name and its value; the value is empty where there is no `=`.
    package struct Parameter: Sendable, Equatable {
        /// The name.
        package let name: String
        /// The value.
        package let value: String
    }

    /// All of them, in order.
    package let all: [Parameter]

    /// No parameters.
    package init() {
        self.all = []
    }

    /// Parses the text after `?`.
    ///
    /// - Returns: nil if an escape is broken, the outcome is not UTF-8 or has control characters, or there are more
    ///   than `maximumCount`.
    package init?(_ query: some StringProtocol, maximumCount: Int) {
        var all: [Parameter] = []
        for pair in Substring(query).utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            guard all.count < maximumCount else { return nil }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let rawValue = equals == pair.endIndex ? pair[equals...] : pair[pair.index(after: equals)...]
            guard let name = PercentDecoding.decode(pair[..<equals], plusIsSpace: true),
                let value = PercentDecoding.decode(rawValue, plusIsSpace: true)
            else { return nil }
            all.append(Parameter(name: name, value: value))
        }
        self.all = all
    }

    /// The value of the first parameter of a name.
    package func first(_ name: String) -> String? {
        self.all.first { $0.name == name }?.value
    }

    /// How often a name occurs.
    package func count(of name: String) -> Int {
        self.all.count { $0.name == name }
    }
}
