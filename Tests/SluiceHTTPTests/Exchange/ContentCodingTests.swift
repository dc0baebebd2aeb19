import SluiceWire
import Testing

@testable import SluiceHTTP

@Suite struct ContentCodingTests {
    @Test(arguments: [
        ("gzip", true), ("GZIP", true), ("gzip, br", true), ("br;q=1, gzip;q=0.5", true), ("*", true),
        ("x-gzip", true), ("gzip ; q=1", true), ("gzip;\tq=0.001", true), ("gzip;Q=0.5", true),
        ("", false), ("br", false), ("identity", false), ("gzip;q=0", false), ("gzip;q=0.000", false),
        ("gzip;Q=0", false), ("gzip ;\tQ=0", false), ("*;q=0", false), ("gzip;q=0, *", false), ("gzip;q=x", false),
    ])
    func `gzip is taken where it is asked for, the case of nothing counting`(value: String, expected: Bool) {
        #expect(ContentCoding.acceptsGzip(HeaderFields([("Accept-Encoding", value)])) == expected)
    }
}
