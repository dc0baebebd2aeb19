internal import CZlib
package import NIOCore

/// Raw deflate by zlib's plainest calls, to judge the product's streams by.
package enum ReferenceZlib {
    /// One message, compressed with an empty context, and ended by a final block or by a flush.
    package static func deflate(_ input: [UInt8], isFinal: Bool = false) -> [UInt8] {
        var stream = unsafe z_stream()
        let isMade = unsafe sluice_deflateInit2(&stream, 9, -15, 8) == Z_OK
        precondition(isMade, "zlib made no stream")
        var input = input
        var output = [UInt8](repeating: 0, count: input.count + 1024)
        unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = source.baseAddress
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                _ = unsafe CZlib.deflate(&stream, isFinal ? Z_FINISH : Z_SYNC_FLUSH)
            }
        }
        let count = unsafe output.count - Int(stream.avail_out)
        unsafe deflateEnd(&stream)
        return Array(output[..<(isFinal ? count : count - 4)])
    }

    /// Inflates what one client received, from an empty context on. Nil if it cannot be decoded.
    ///
    /// - Parameters:
    ///   - payloads: The payloads in order, each as it stands in a frame.
    ///   - windowBits: The client's window; references further back cannot be decoded.
    package static func inflate(_ payloads: [ByteBuffer], windowBits: Int32 = 15) -> [String]? {
        var stream = unsafe z_stream()
        let isMade = unsafe sluice_inflateInit2(&stream, -windowBits) == Z_OK
        precondition(isMade, "zlib made no stream")
        defer { unsafe inflateEnd(&stream) }
        var texts: [String] = []
        for payload in payloads {
            var input = Array(payload.readableBytesView) + [0x00, 0x00, 0xFF, 0xFF]
            var output = [UInt8](repeating: 0, count: 1 << 20)
            let status = unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe output.withUnsafeMutableBufferPointer { target in
                    unsafe stream.next_in = source.baseAddress
                    unsafe stream.avail_in = UInt32(source.count)
                    unsafe stream.next_out = target.baseAddress
                    unsafe stream.avail_out = UInt32(target.count)
                    return unsafe CZlib.inflate(&stream, Z_SYNC_FLUSH)
                }
            }
            guard status == Z_OK || status == Z_BUF_ERROR, unsafe stream.avail_in == 0 else { return nil }
            let count = unsafe output.count - Int(stream.avail_out)
            texts.append(String(decoding: output[..<count], as: UTF8.self))
        }
        return texts
    }

    /// Unpacks gzip members. Nil if they are damaged.
    package static func gunzip(_ member: ByteBuffer) -> [UInt8]? {
        var stream = unsafe z_stream()
        let isMade = unsafe sluice_inflateInit2(&stream, 15 + 16) == Z_OK
        precondition(isMade, "zlib made no stream")
        defer { unsafe inflateEnd(&stream) }
        var input = Array(member.readableBytesView)
        var output = [UInt8](repeating: 0, count: 1 << 20)
        let status = unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = source.baseAddress
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                return unsafe CZlib.inflate(&stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END, unsafe stream.avail_in == 0 else { return nil }
        return unsafe Array(output[..<(output.count - Int(stream.avail_out))])
    }
}
