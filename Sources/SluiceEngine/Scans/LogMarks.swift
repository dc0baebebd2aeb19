import SluiceBase
package import SluiceRelay

/// Where in the stream a scan's messages stand, roughly: one mark for each stretch of records.
package struct LogMarks: Sendable, Equatable {
    /// The bytes of records between two marks at first; they double when there are too many marks.
    static let firstSpacing = 256 * 1024
    /// The most marks; then every other one goes.
    private static let maximumCount = 512

    package private(set) var marks: [ImageForm.Mark] = []
    private var spacing = Self.firstSpacing
    private var bytesSince = 0

    package init() {}

    /// Takes a record that counts.
    package mutating func note(_ first: Seq, at sequence: UInt64, bytes: Int) {
        self.bytesSince += bytes
        let isLater = self.marks.last.map { sequence > $0.sequence && self.bytesSince >= self.spacing } ?? true
        guard isLater else {
            return
        }
        self.bytesSince = 0
        self.marks.append(ImageForm.Mark(first: first, sequence: sequence))
        guard self.marks.count > Self.maximumCount else {
            return
        }
        self.marks = self.marks.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        self.spacing *= 2
    }

    /// Adds the marks of earlier records that a carry repeats.
    package mutating func prepend(_ earlier: [ImageForm.Mark]) {
        let first = self.marks.first?.sequence ?? .max
        self.marks.insert(contentsOf: earlier.filter { $0.sequence < first }, at: 0)
    }

    /// The last record known to be at or before a message; nil where none is known.
    package func sequence(before seq: Seq) -> UInt64? {
        self.marks.last { $0.first <= seq }?.sequence
    }

    /// The last mark at or before a message; nil where there is none.
    package func mark(before seq: Seq) -> ImageForm.Mark? {
        self.marks.last { $0.first <= seq }
    }
}
