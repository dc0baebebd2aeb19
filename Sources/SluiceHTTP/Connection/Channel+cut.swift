package import NIOCore
internal import NIOSSL
internal import SluiceSystem

extension Channel {
    /// Ends the connection, or the stream, at once, on its event loop, and discards the bytes that it has not taken.
    ///
    /// This bypasses TLS: its closing message would wait for a peer that does not answer. A stream is reset.
    package func cut() {
        let operations = self.pipeline.syncOperations
        let end =
            (try? operations.context(handlerType: NIOSSLServerHandler.self))
            ?? (try? operations.context(handlerType: StreamEnd.self))
        // From its own place outward a close does not come by the TLS handler, or by the end of a stream.
        end?.close(mode: .all, promise: nil) ?? self.close(mode: .all, promise: nil)
    }

    /// Has the connection's end look like no orderly one, or like one again: the peer's system reports a reset.
    internal func setReset(_ isReset: Bool) {
        if let options = self as? any SocketOptionProvider {
            _ = options.setSoLinger(linger(l_onoff: isReset ? 1 : 0, l_linger: 0))
        }
    }

    /// How many bytes were written to the connection, or the stream, and not taken by its socket.
    package var waitingBytes: Int {
        if let end = self.streamEnd {
            return end.waitingBytes
        }
        return (try? self.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Sets from how many waiting bytes on the connection is not writable, and below how many it is again.
    ///
    /// A stream's were set when its connection was opened.
    package func setWatermarks(low: Int, high: Int) throws {
        guard self.streamEnd == nil else {
            return
        }
        let mark = ChannelOptions.Types.WriteBufferWaterMark(low: low, high: high)
        try self.syncOptions?.setOption(.writeBufferWaterMark, value: mark)
    }
}
