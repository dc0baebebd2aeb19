/// Which stretch of a stored log a reader wants.
package struct StoredPageRequest: Sendable {
    package var life: Int64
    /// The last seq that the reader has.
    package var cursor: Seq
    /// The last seq to read.
    package var end: Seq
    /// What the reader wants; critical messages always pass.
    package var filter: TypeFilter
    package var maximumCount: Int
    /// The bytes after which the page ends; it holds at least one message all the same.
    package var maximumBytes: Int

    package init(
        life: Int64,
        cursor: Seq,
        end: Seq,
        filter: TypeFilter = .everything,
        maximumCount: Int,
        maximumBytes: Int
    ) {
        self.life = life
        self.cursor = cursor
        self.end = end
        self.filter = filter
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }
}
