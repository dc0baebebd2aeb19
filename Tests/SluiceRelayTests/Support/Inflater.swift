import CZlib
import NIOCore

/// A receiver's side of zlib, made for each simulated client on its own.
@safe
final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter windowBits: negative for raw deflate, over 15 for gzip, as zlib has it.
    init(windowBits: Int32) {
        unsafe self.stream = .allocate(capacity: 1)
        unsafe self.stream.initialize(to: z_stream())
        let status = unsafe sluice_inflateInit2(self.stream, windowBits)
        precondition(status == Z_OK)
    }

    deinit {
        unsafe inflateEnd(self.stream)
        unsafe self.stream.deallocate()
    }

    /// The inflated text, or nil if the bytes are not valid.
    func inflate(_ bytes: [UInt8]) -> [UInt8]? {
        var input = bytes
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        var status = Z_OK
        var hasMore = false
        unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe self.stream.pointee.next_in = input.baseAddress
            unsafe self.stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let produced = unsafe chunk.withUnsafeMutableBufferPointer { chunk in
                    unsafe self.stream.pointee.next_out = chunk.baseAddress
                    unsafe self.stream.pointee.avail_out = UInt32(chunk.count)
                    status = unsafe CZlib.inflate(self.stream, Z_SYNC_FLUSH)
                    return unsafe chunk.count - Int(self.stream.pointee.avail_out)
                }
                output += chunk[..<produced]
                hasMore = unsafe status == Z_OK && self.stream.pointee.avail_out == 0
            } while hasMore
        }
        return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR ? output : nil
    }
}
