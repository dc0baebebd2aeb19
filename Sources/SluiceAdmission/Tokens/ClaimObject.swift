import SluiceBase

/// A JSON object that is put together claim by claim.
struct ClaimObject {
    private enum Value {
        case text(String)
        case texts([String])
        case object(ClaimObject)
    }

    private var members: [(name: String, value: Value)] = []

    /// Adds a text.
    mutating func add(_ text: String, at path: ClaimRules.Path) {
        self.add(.text(text), at: path.names[...])
    }

    /// Adds texts; to those that stand there already.
    mutating func add(_ texts: [String], at path: ClaimRules.Path) {
        self.add(.texts(texts), at: path.names[...])
    }

    private mutating func add(_ value: Value, at names: ArraySlice<String>) {
        guard let name = names.first else { return }
        let index = self.members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
        let known = index.map { self.members[$0].value }
        var fresh = value
        if names.count > 1 {
            var object = ClaimObject()
            if case .object(let inner)? = known { object = inner }
            object.add(value, at: names.dropFirst())
            fresh = .object(object)
        } else if let known, let first = Self.texts(known), let second = Self.texts(value) {
            fresh = .texts(first + second)
        }
        if let index {
            self.members[index].value = fresh
        } else {
            self.members.append((name, fresh))
        }
    }

    private static func texts(_ value: Value) -> [String]? {
        switch value {
        case .text(let text): text.split(separator: " ").map(String.init)
        case .texts(let texts): texts
        case .object: nil
        }
    }

    /// Writes the members into an object that is open.
    func write(into writer: inout JSONWriter) {
        for (name, value) in self.members {
            switch value {
            case .text(let text):
                writer.member(name, text)
            case .texts(let texts):
                writer.member(name, texts)
            case .object(let object):
                writer.name(name)
                writer.beginObject()
                object.write(into: &writer)
                writer.endObject()
            }
        }
    }
}
