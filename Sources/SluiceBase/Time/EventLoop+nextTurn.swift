package import NIOCore

extension EventLoop {
    /// Goes on after the loop has looked at its sockets again.
    ///
    /// A task that is merely executed runs before that, and so would a whole chain of them. For long work in slices.
    package func nextTurn(_ body: @escaping () -> Void) {
        self.assumeIsolated().scheduleTask(in: .microseconds(50), body)
    }
}
