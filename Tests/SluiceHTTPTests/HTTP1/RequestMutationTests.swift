import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct RequestMutationTests {
    /// Bytes that mean something to a parser of requests.
    private static let spice: [UInt8] = Array("\r\n\t :;,/?%#*\0\u{7F}0123456789abcdefGPHT".utf8) + [0x80, 0xC3, 0xFF]

    private static func mutate(_ bytes: inout [UInt8], by generator: inout SplitMix64) {
        for _ in 0...generator.next() % 4 {
            let place = Int(generator.next() % UInt64(bytes.count))
            let spice = Self.spice[Int(generator.next() % UInt64(Self.spice.count))]
            switch generator.next() % 4 {
            case 0: bytes[place] = spice
            case 1: bytes.insert(spice, at: place)
            case 2: bytes.remove(at: place)
            default: bytes.removeSubrange(place..<min(bytes.count, place + Int(generator.next() % 40)))
            }
        }
    }

    @Test(arguments: [UInt64](1...1000))
    func `damaged requests are answered or refused, each handler is let go once, and a refusal is the last answer`(
        seed: UInt64
    ) throws {
        var generator = SplitMix64(seed: seed)
        var bytes = Array(RequestSegmentationTests.traffic.utf8)
        Self.mutate(&bytes, by: &generator)
        let connection = try HTTPTestConnection()
        var rest = bytes[...]
        while !rest.isEmpty, connection.isOpen {
            let piece = rest.prefix(Int(generator.next() % 200) + 1)
            connection.send(ByteBuffer(bytes: piece))
            rest = rest.dropFirst(piece.count)
        }
        let answers = connection.received().parts(between: "HTTP/1.1 ").dropFirst()
        if let refused = answers.firstIndex(where: { $0.contains(#""code":"bad_request""#) }) {
            #expect(refused == answers.index(before: answers.endIndex))
            #expect(!connection.isOpen)
        }
        if connection.isOpen {
            connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        #expect(!connection.isOpen)
        for handler in connection.router.handlers {
            #expect(handler.exchange?.isOpen == false)
            #expect(handler.events.count { $0.hasPrefix("aborted") } <= 1)
            #expect(
                handler.events.last?.hasPrefix("aborted") == true
                    || !handler.events.contains { $0.hasPrefix("aborted") }
            )
        }
    }
}
