/// Which stretch of a stored log a reader wants, and what of it.
package struct StoredPageRequest: Sendable {
    package var life: Int64
    package var stretch: LogStretch
    /// What the reader wants; what does not pass is looked at all the same, up to a bound, so that a page may end
    /// before it holds anything.
    package var selection: MessageSelection
    package var maximumCount: Int
    /// The bytes after which the page ends; it holds at least one message all the same, where one was found.
    package var maximumBytes: Int

    package init(
        life: Int64,
        stretch: LogStretch,
        selection: MessageSelection = .everything,
        maximumCount: Int,
        maximumBytes: Int
    ) {
        self.life = life
        self.stretch = stretch
        self.selection = selection
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }
}
