import SluiceBase
import Testing

@testable import SluiceClient

@Suite("What is told of scans and connections")
struct ManagedTextTests {
    private static let now = 1_000_000_000

    private static func node(_ text: String) throws -> JSONNode {
        try JSONReader.read(Array(text.utf8))
    }

    @Test("Scans as a table")
    func scans() throws {
        let scans = try [
            #"{"scan_id":"nightly-1","outcome":"running","percent":41.6,"message_count":1200,"owner":"alice","name":null,"#
                + #""last_message_at":999995000,"severities":{"low":1,"critical":2,"odd":3,"high":0}}"#,
            #"{"scan_id":"b","outcome":"failed","percent":null,"message_count":7,"last_message_at":null,"#
                + #""severities":{},"name":"The\u001b[31m one"}"#,
        ]
        .map { try Self.node($0) }
        #expect(
            ManagedText.table(ofScans: scans, now: Self.now).lines == [
                "SCAN       STATE    DONE  MESSAGES  FINDINGS                  LAST  OWNER  NAME",
                "nightly-1  running  42 %      1200  2 critical, 1 low, 3 odd   5 s  alice",
                "b          failed                7                                         The\u{FFFD}[31m one",
            ]
        )
        #expect(ManagedText.table(ofScans: [], now: Self.now).lines.count == 1)
    }

    @Test("One scan as lines; what is not known is left out")
    func scan() throws {
        let scan = try Self.node(
            #"{"scan_id":"a","outcome":"failed","error":"exit 1","phase":"ports","percent":null,"message_count":3,"#
                + #""started_at":\#(Self.now - 7_200_000),"counts":{"error":1,"line":2},"severities":{},"epoch":"k3","seq":3}"#
        )
        #expect(
            ManagedText.lines(ofScan: scan, now: Self.now) == [
                "scan      a", "state     failed: exit 1", "progress  ports", "started   2 h ago", "messages  3",
                "by type   error 1, line 2", "position  k3:3",
            ]
        )
    }

    @Test("Connections as a table, and one as lines")
    func connections() throws {
        let connection = try Self.node(
            #"{"id":7,"kind":"websocket","user":"bob","peer":"192.0.2.1","age_ms":300000,"sent_messages":12,"#
                + #""lag_frames":1,"waiting_bytes":0,"round_trip_us":null,"subscriptions":[{"scan_id":"a","cursor":5,"#
                + #""skipped":{"slow_client":2}},{"scan_id":"b"},{"scan_id":"c"}]}"#
        )
        #expect(
            ManagedText.table(ofConnections: [connection]).lines == [
                "ID  KIND       USER  FROM         AGE  SENT  LAGS  WAITING  SCANS",
                " 7  websocket  bob   192.0.2.1  5 min    12     1        0  a b +1",
            ]
        )
        let lines = ManagedText.lines(ofConnection: connection)
        #expect(lines.prefix(2) == ["id             7", "kind           websocket"])
        #expect(lines.contains("scan a") && lines.contains("  skipped slow_client  2"))
        #expect(!lines.contains { $0.contains("round trip") })
    }
}
