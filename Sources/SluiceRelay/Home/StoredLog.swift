/// What memory needs of a stored log to go on with it.
package struct StoredLog: Sendable {
    package var tail: StoredTail
    /// Answers that may still be asked for again, oldest first.
    package var answers: [StoredAnswer]

    package init(tail: StoredTail, answers: [StoredAnswer]) {
        self.tail = tail
        self.answers = answers
    }
}
