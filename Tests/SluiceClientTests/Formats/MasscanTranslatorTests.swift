import Testing

@testable import SluiceClient

@Suite struct MasscanTranslatorTests {
    private static let expected = [
        #"{"type":"hostDiscovered","ip":"10.0.0.1"}"#,
        #"{"type":"portFound","ip":"10.0.0.1","port":80,"protocol":"tcp","state":"open"}"#,
        #"{"type":"serviceDetected","ip":"10.0.0.1","port":80,"protocol":"tcp","service":"http.server","details":"nginx/1.18, x"}"#,
    ]

    private func messages(_ text: String, stream: ScannerStream = .standardOutput) -> [String] {
        Recording.messages(of: Array(text.utf8), by: MasscanTranslator(), stream: stream)
    }

    @Test(
        "each of masscan's outputs says the same, and nothing else",
        arguments: [
            "masscan.json", "masscan-older.json", "masscan-one-line.json", "masscan.ndjson", "masscan.xml",
            "masscan-list.txt", "masscan-printed.txt",
        ]
    )
    func outputs(name: String) throws {
        #expect(Recording.messages(of: try Recording.bytes(name), by: MasscanTranslator()) == Self.expected)
    }

    @Test("the greppable output names services by their port, and its comments are lines")
    func greppable() throws {
        let messages = Recording.messages(of: try Recording.bytes("masscan-greppable.txt"), by: MasscanTranslator())
        #expect(messages.filter { $0.hasPrefix("{\"type\":\"line\",\"text\":\"# ") }.count == 3)
        #expect(
            messages.filter { !$0.hasPrefix(#"{"type":"line""#) } == [
                Self.expected[0],
                #"{"type":"portFound","ip":"10.0.0.1","port":80,"protocol":"tcp","state":"open","service":"http"}"#,
                Self.expected[2],
            ]
        )
    }

    @Test("a host that answers ARP is one without a port")
    func arp() {
        #expect(
            self.messages("Discovered up port 0/arp on 10.0.0.1 (00:11:22:33:44:55) Vendor\n") == [Self.expected[0]]
        )
    }

    @Test("the status line is progress, where it has a number that can be shown")
    func statusLine() throws {
        #expect(
            Recording.messages(
                of: try Recording.bytes("masscan-status.txt"),
                by: MasscanTranslator(),
                stream: .standardError
            ) == [
                #"{"type":"scanProgress","phase":"masscan","percent":0.0,"found":0}"#,
                #"{"type":"scanProgress","phase":"masscan","percent":24.92,"remaining":4,"found":1}"#,
                #"{"type":"scanProgress","phase":"masscan","percent":100.0,"found":2}"#,
            ]
        )
    }

    @Test(
        "the status as JSON is progress too, whatever its numbers are",
        arguments: [
            (
                #"{"state":"running","rate":{"kpps":24.92,"pps":24923.07},"progress":{"percent":9.77,"eta":{"hours":1,"mins":0,"seconds":55},"syn":{"sent":1,"total":2,"remaining":1},"found":27}}"#,
                #"{"type":"scanProgress","phase":"masscan","percent":9.77,"remaining":3655,"found":27}"#
            ),
            (
                #"{"state":"waiting","progress":{"percent":1e300,"seconds":4,"found":56}}"#,
                #"{"type":"scanProgress","phase":"masscan","percent":100.0,"found":56}"#
            ),
            (
                #"{"state":"running","progress":{"percent":-1,"eta":{"hours":1e300,"mins":0,"seconds":0}}}"#,
                #"{"type":"scanProgress","phase":"masscan","percent":0.0,"remaining":9223372036854775807}"#
            ),
        ]
    )
    func statusRecord(record: String, message: String) {
        #expect(self.messages(record + "\n", stream: .standardError) == [message])
    }
}
