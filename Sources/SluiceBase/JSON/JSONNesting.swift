/// Which containers are open inside a message: a bit a level, so that no input can make the check grow.
@frozen
public struct JSONNesting {
    /// The deepest nesting that fits.
    @inlinable
    public static var capacity: Int { 64 }

    /// The lowest bit is the innermost container: 1 for an object, 0 for an array.
    @usableFromInline internal var objects: UInt64 = 0
    /// How deep the innermost container is, where the message's own object is 1 and not among the bits.
    @usableFromInline internal var depth = 1
    @usableFromInline internal let limit: Int

    /// Inside the message's object, with nothing else open.
    ///
    /// - Parameter limit: The deepest nesting allowed, the message's object included; at most `capacity`.
    @inlinable
    public init(limit: Int) {
        self.limit = limit
    }

    /// Whether nothing is open but the message's object.
    @inlinable
    public var isEmpty: Bool { self.depth == 1 }

    /// Whether the innermost container is an object; only asked while one is open.
    @inlinable
    public var isInObject: Bool { self.objects & 1 == 1 }

    /// Opens a container.
    ///
    /// - Returns: False if that is too deep.
    @inlinable
    public mutating func push(isObject: Bool) -> Bool {
        guard self.depth < self.limit else { return false }
        self.depth += 1
        self.objects = self.objects << 1 | (isObject ? 1 : 0)
        return true
    }

    /// Closes the innermost container.
    @inlinable
    public mutating func pop() {
        self.depth -= 1
        self.objects >>= 1
    }
}
