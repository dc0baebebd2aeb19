internal import Crypto
internal import NIOCore
internal import SluiceRelay

/// Tells one body from another under the same idempotency key, in slices.
struct DocumentDigest {
    private let key: String
    private var rest: ByteBuffer
    private var hash = SHA256()

    init(_ body: ByteBuffer, key: String) {
        self.key = key
        self.rest = body
    }

    /// Goes on for so many bytes.
    ///
    /// - Returns: Whether it is over.
    mutating func goOn(byteCount: Int) -> Bool {
        if let slice = self.rest.readSlice(length: min(byteCount, self.rest.readableBytes)) {
            self.hash.update(data: Array(slice.readableBytesView))
        }
        return self.rest.readableBytes == 0
    }

    /// What the relay knows the request by; right once the digest is over.
    var idempotency: IngestRequest.Idempotency {
        IngestRequest.Idempotency(key: self.key, digest: Array(self.hash.finalize()))
    }
}
