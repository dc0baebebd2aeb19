import Synchronization

/// A text that any thread may read and change.
final class LockedText: Sendable {
    private let content: Mutex<String>

    init(_ text: String) {
        self.content = Mutex(text)
    }

    var text: String {
        get { self.content.withLock { $0 } }
        set { self.content.withLock { $0 = newValue } }
    }
}
