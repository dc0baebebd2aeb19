package import NIOCore

extension ByteBuffer {
    /// Storage up to this size may be kept by a part of it.
    private static let smallStorageBytes = 4096

    /// The same bytes, in storage of their own if they are a small part of a large one: a receive buffer that a few bytes
    /// keep alive for long is counted nowhere.
    package func released() -> ByteBuffer {
        guard self.readableBytes > 0 else {
            return ByteBuffer()
        }
        guard self.storageCapacity > Self.smallStorageBytes, self.readableBytes < self.storageCapacity / 4 else {
            return self
        }
        return ByteBuffer(bytes: self.readableBytesView)
    }
}
