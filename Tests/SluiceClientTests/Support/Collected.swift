import Synchronization

/// Elements received, from any thread.
final class Collected<Element: Sendable>: Sendable {
    private let mutex = Mutex<[Element]>([])

    var all: [Element] { self.mutex.withLock { $0 } }

    func append(_ element: Element) {
        self.mutex.withLock { $0.append(element) }
    }
}

/// Waits until something is so, for at most ten seconds.
///
/// - Returns: Whether it came to be so.
func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
    for _ in 0..<1000 {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return condition()
}
