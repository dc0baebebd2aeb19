/// Finds the name that was probably meant.
enum Suggestion {
    /// The nearest of the names, if it is near enough to be worth telling.
    static func nearest(to name: String, among names: some Sequence<String>) -> String? {
        // Names are short; what is longer than any of them is not worth the square of its length.
        guard name.utf8.count <= 128 else {
            return nil
        }
        let limit = max(1, min(4, name.utf8.count / 3))
        var best: (name: String, distance: Int)?
        for candidate in names {
            let distance = Self.distance(Array(name.lowercased().utf8), Array(candidate.lowercased().utf8))
            if distance <= limit, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    /// How many letters have to be added, dropped, changed or swapped with their neighbour.
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var before: [Int] = []
        var previous = Array(0...other.count)
        for (row, letter) in one.enumerated() {
            var current = [row + 1]
            for (column, otherLetter) in other.enumerated() {
                let change = previous[column] + (letter == otherLetter ? 0 : 1)
                var least = min(previous[column + 1] + 1, current[column] + 1, change)
                if row > 0, column > 0, letter == other[column - 1], one[row - 1] == otherLetter {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            before = previous
            previous = current
        }
        return previous[other.count]
    }
}
