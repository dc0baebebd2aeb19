import NIOCore
import SluiceAdmission
import SluiceBase
import SluiceEngine
import Testing

@Suite("What nodes say to each other")
struct PeerFormTests {
    private static let from = PeerID("abc-3")

    private static func contents() throws -> [PeerForm.Content] {
        let address = try #require(AddressKey("2001:db8::1"))
        let user = SharedConnections.Key.user("user:a\u{301}\"\u{0}")
        // What follows the prefix may combine with it.
        let keys = [user, .user("\u{301}"), .user(""), .address(address)]
        let name = { SharedConnections.Name(node: Self.from, id: $0, since: 1_800_000_000_000) }
        let terms = SharedConnections.Terms(limit: 10, closesOldest: true)
        var messages = keys.flatMap { key -> [SharedConnections.Message] in
            [
                .ask(key, name(1 << 53), terms), .answer(key, 7, isAdmitted: true), .release(key, 8), .tell(key),
                .told(key, [name(1), name(2)], isNews: true), .told(key, [], isNews: false),
            ]
        }
        messages += [.tellAll, .close(9, isReplaced: false), .close(10, isReplaced: true)]
        let scan = try #require(ScanID("scan.1"))
        return [
            .connections(messages), .connections([]),
            .shares([RateShare(limit: "ingest", key: "key:\u{301}x", count: 3)]), .fact,
            .question(.disconnect(.user("u"), ageMilliseconds: 0), number: 1),
            .question(.disconnect(.ingestKey("k"), ageMilliseconds: 70), number: 2),
            .question(.subscribers, number: 3),
            .answer(.count(4), number: 1, isLast: true),
            .answer(.subscribers([scan: 5]), number: 3, isLast: false),
            .answer(.subscribers([:]), number: 3, isLast: true),
        ]
    }

    @Test("A letter that is written is read as it was")
    func roundTrip() throws {
        for content in try Self.contents() {
            for to in [nil, PeerID("d-1")] {
                let letter = PeerForm.Letter(from: Self.from, to: to, content: content)
                #expect(PeerForm.letter(PeerForm.bytes(letter)) == letter)
            }
        }
    }

    @Test("What is not understood is dropped, and nothing traps")
    func strangers() throws {
        for text in [
            "", "[]", "{}", #"{"from":"a"}"#, #"{"from":"","fact":true}"#, #"{"from":"a","to":7,"fact":true}"#,
            #"{"from":"a","question":1,"moon":true}"#, #"{"from":"a","answer":1}"#,
            // The sender comes to stand in a line of the protocol.
            #"{"from":"a\r\nPUB x 0","fact":true}"#, #"{"from":"a b","fact":true}"#, #"{"from":"a.b","fact":true}"#,
            #"{"from":"A","fact":true}"#, #"{"from":"a","to":"b\n","fact":true}"#, #"{"from":"é","fact":true}"#,
            "{\"from\":\"\(String(repeating: "a", count: 65))\",\"fact\":true}",
        ] {
            #expect(PeerForm.letter(ByteBuffer(string: text)) == nil, "\(text)")
        }
        let odd = """
            {"from":"a","connections":[[],["ask"],["ask","u:x"],["ask","u:x",1],["ask","u:x",1,2,0,true],\
            ["ask","u:x",-1,2,3,true],["told","u:x",true,1],["close"],["close",-1,true],["answer","x",1,true],7,\
            ["release","a:zz",1],["release","u:x",1]]}
            """
        let told = SharedConnections.Message.told(.user("x"), [], isNews: true)
        let letter = PeerForm.letter(ByteBuffer(string: odd))
        #expect(letter?.content == .connections([told, .release(.user("x"), 1)]))
        let shares = #"{"from":"a","shares":[["ingest","k",0],["ingest","k",-1],["ingest","k",9e99],["ingest","k"]]}"#
        #expect(PeerForm.letter(ByteBuffer(string: shares))?.content == .shares([]))
        // Whatever is cut off or changed.
        for content in try Self.contents() {
            let bytes = PeerForm.bytes(PeerForm.Letter(from: Self.from, to: nil, content: content))
            for count in 0..<bytes.readableBytes {
                _ = bytes.getSlice(at: 0, length: count).flatMap { PeerForm.letter($0) }
                var changed = bytes
                changed.setInteger(UInt8(ascii: "9"), at: count)
                _ = PeerForm.letter(changed)
            }
        }
    }

    @Test("A revocation is read as it was written")
    func revocations() {
        for revocation in [Revocation.tokenID("a\u{301}"), .subject("s", issuedBefore: 1_800_000_000.125)] {
            let kept = KeptRevocation(revocation, keptUntil: 1_834_560_000.5)
            #expect(JetStream.json(FactBook.bytes(kept)).flatMap(FactBook.revocation) == kept)
        }
        for text in ["{}", #"{"jti":"a"}"#, #"{"sub":"a","until":1}"#, #"{"sub":"a","issuedBefore":9e999,"until":1}"#] {
            #expect(JetStream.json(ByteBuffer(string: text)).flatMap(FactBook.revocation) == nil)
        }
    }
}
