/// A value of the configuration with the place where it was given, whichever source gave it.
struct ConfigurationNode: Sendable, Equatable {
    /// What the value is made of.
    indirect enum Content: Sendable, Equatable {
        case scalar(ConfigurationScalar)
        case list([ConfigurationNode])
        case map([Entry])
    }

    /// One key of a map, in the order of the file; a key may come twice.
    struct Entry: Sendable, Equatable {
        var name: String
        var value: ConfigurationNode
    }

    /// The place of the key, where there is one; else of the value.
    var place: ConfigurationPlace
    var content: Content

    /// How a fault names what stands here.
    var shown: String {
        switch self.content {
        case .scalar(let scalar):
            scalar.shown
        case .list:
            "a list"
        case .map:
            "a map"
        }
    }

    /// Whether the value was left out, or said to be nothing.
    var isNull: Bool {
        switch self.content {
        case .scalar(let scalar):
            scalar.isNull
        case .list, .map:
            false
        }
    }
}
