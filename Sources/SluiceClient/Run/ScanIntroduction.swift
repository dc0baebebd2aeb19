import SluiceBase

/// What the gateway is told of a scan before its first message.
package struct ScanIntroduction: Sendable, Equatable {
    /// How people call it; nil: by its id.
    package var name: String?

    /// The user whose scan it is; nil: nobody's, or whose it is already.
    package var owner: String?

    package init(name: String? = nil, owner: String? = nil) {
        self.name = name
        self.owner = owner
    }

    /// Whether there is nothing to tell.
    var isEmpty: Bool { self.name == nil && self.owner == nil }

    /// The body of the request.
    var body: [UInt8] {
        var object = JSONWriter()
        object.beginObject()
        object.member("owner", ifPresent: self.owner)
        object.member("name", ifPresent: self.name)
        object.endObject()
        return object.bytes
    }
}
