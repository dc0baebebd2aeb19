/// Rows of text beneath heads, each column as wide as its widest cell.
package struct TextTable: Sendable {
    /// A column of a table.
    struct Column: Sendable {
        let head: String
        /// Whether its cells end where the column ends, as numbers do.
        var isNumeric = false
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Adds a row.
    ///
    /// - Parameter cells: One for each column. What would steer a terminal is taken out of them.
    mutating func append(_ cells: [String]) {
        self.rows.append(cells.map { DisplayText.safe($0) })
    }

    /// The lines, the heads first.
    package var lines: [String] {
        let heads = self.columns.map { $0.head }
        let widths = self.columns.indices.map { index in
            ([heads] + self.rows).map { $0[index].count }.max() ?? 0
        }
        return ([heads] + self.rows)
            .map { cells in
                let padded = self.columns.indices.map { index in
                    let padding = String(repeating: " ", count: widths[index] - cells[index].count)
                    return self.columns[index].isNumeric ? padding + cells[index] : cells[index] + padding
                }
                return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
            }
    }
}
