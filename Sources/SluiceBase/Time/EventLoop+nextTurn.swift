package import NIOCore

extension EventLoop {
    /// Continues after the loop has looked at its sockets again, for long work in slices.
    ///
    /// A task that is merely executed runs before that, and so does a whole chain of them.
    package func nextTurn(_ body: @escaping () -> Void) {
        LoopTurns.run(on: self, body)
    }
}
