/// A scan as a store knows it, without its messages.
package struct StoredScan: Sendable {
    /// Which life of the log this is, for the store.
    package var life: Int64
    package var header: StoredHeader
    /// The newest message's number.
    package var head: Seq
    /// How long ago things happened, when this was read.
    package var ages: StoredAges
    /// What is known out of all its messages.
    package var fold = ScanFold()

    package init(life: Int64, header: StoredHeader, head: Seq, ages: StoredAges) {
        self.life = life
        self.header = header
        self.head = head
        self.ages = ages
    }
}
