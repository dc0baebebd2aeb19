import NIOCore
import NIOEmbedded
import SluiceWire
import TestSupport
import Testing

@testable import SluiceHTTP

/// Counts the bytes that a loop packs in a turn for all its event streams.
@Suite("Packing of event streams")
struct EventStreamGzipTests {
    private struct Stream {
        let gzip: EventStreamGzip
        let channel: EmbeddedChannel
    }

    private let loop = EmbeddedEventLoop()
    private let memory = CompressionMemory(limit: 64 * 1024 * 1024)

    private func stream(_ packer: LoopPacker) throws -> Stream {
        let gzip = try #require(EventStreamGzip(level: 6, isChunked: false, memory: self.memory, packer: packer))
        let channel = EmbeddedChannel(handler: gzip, loop: self.loop)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4321)).wait()
        return Stream(gzip: gzip, channel: channel)
    }

    /// Bytes that are not all alike.
    private static func page(_ byteCount: Int, seed: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ seed) ^ $0 >> 7) })
    }

    private static func received(_ channel: EmbeddedChannel) throws -> ByteBuffer {
        var all = ByteBuffer()
        while var piece = try channel.readOutbound(as: ByteBuffer.self) {
            all.writeBuffer(&piece)
        }
        return all
    }

    @Test(
        "Of many streams that have a page to pack a turn of the loop packs so many bytes, and each gets its own in order"
    )
    func turns() throws {
        let packer = LoopPacker(eventLoop: self.loop)
        let streams = try (0..<40).map { _ in try self.stream(packer) }
        var expected: [[UInt8]] = []
        for (number, stream) in streams.enumerated() {
            let pieces = [Self.page(256 * 1024, seed: number), Self.page(100, seed: 7), Self.page(3000, seed: number)]
            for piece in pieces {
                stream.channel.writeAndFlush(piece, promise: nil)
            }
            expected.append(pieces.flatMap { Array($0.readableBytesView) })
        }
        let total = streams.reduce(0) { $0 + $1.gzip.pendingBytes }
        #expect(total == expected.reduce(0) { $0 + $1.count })
        var left = total
        var turnCount = 0
        while left > 0, turnCount < 1000 {
            self.loop.advanceTime(by: .microseconds(50))
            let now = streams.reduce(0) { $0 + $1.gzip.pendingBytes }
            #expect(left - now <= LoopPacker.turnBytes + LoopPacker.pieceBytes)
            // No stream is more than a piece ahead of another one while both have their page.
            let pages = streams.map(\.gzip.pendingBytes).filter { $0 > 3100 }
            #expect((pages.max() ?? 0) - (pages.min() ?? 0) <= LoopPacker.pieceBytes)
            left = now
            turnCount += 1
        }
        #expect(left == 0 && turnCount >= total / (LoopPacker.turnBytes + LoopPacker.pieceBytes))
        for (stream, bytes) in zip(streams, expected) {
            stream.channel.close(promise: nil)
            #expect(ReferenceZlib.gunzip(try Self.received(stream.channel)) == bytes)
        }
    }

    @Test("A short write is packed at once, but behind what waits; the end packs the rest, and the stream hears of it")
    func order() throws {
        let packer = LoopPacker(eventLoop: self.loop)
        let stream = try self.stream(packer)
        var packedCount = 0
        stream.gzip.whenPacked = { packedCount += 1 }
        let (first, page, last) = (Self.page(100, seed: 1), Self.page(200_000, seed: 2), Self.page(100, seed: 3))
        stream.channel.writeAndFlush(first, promise: nil)
        #expect(stream.gzip.pendingBytes == 0)
        stream.channel.writeAndFlush(page, promise: nil)
        stream.channel.writeAndFlush(last, promise: nil)
        #expect(stream.gzip.pendingBytes == 200_100)
        for _ in 0..<10 {
            self.loop.advanceTime(by: .microseconds(50))
        }
        #expect(stream.gzip.pendingBytes == 0 && packedCount == 1)
        stream.channel.writeAndFlush(page, promise: nil)
        #expect(stream.gzip.pendingBytes == 200_000)
        stream.channel.close(promise: nil)
        let bytes = [first, page, last, page].flatMap { Array($0.readableBytesView) }
        #expect(ReferenceZlib.gunzip(try Self.received(stream.channel)) == bytes)
        self.loop.advanceTime(by: .milliseconds(1))
        #expect(packedCount == 1)
    }

    @Test("A stream that ends before its turn keeps no other one from its own")
    func ended() throws {
        let packer = LoopPacker(eventLoop: self.loop)
        let streams = try (0..<3).map { _ in try self.stream(packer) }
        for stream in streams {
            stream.channel.writeAndFlush(Self.page(60_000, seed: 2), promise: nil)
        }
        // Two went at once, and the third waits.
        #expect(streams.map(\.gzip.pendingBytes) == [0, 0, 60_000])
        streams[2].channel.close(promise: nil)
        let other = try self.stream(packer)
        other.channel.writeAndFlush(Self.page(200_000, seed: 2), promise: nil)
        for _ in 0..<10 {
            self.loop.advanceTime(by: .microseconds(50))
        }
        #expect(other.gzip.pendingBytes == 0)
        for stream in streams + [other] {
            stream.channel.close(promise: nil)
            #expect(ReferenceZlib.gunzip(try Self.received(stream.channel))?.isEmpty == false)
        }
    }
}
