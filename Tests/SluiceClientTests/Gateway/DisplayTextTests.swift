import Testing

@testable import SluiceClient

@Suite("What reaches a terminal")
struct DisplayTextTests {
    @Test("JSON says the same, and nothing in it steers a terminal")
    func json() {
        let cases = [
            ("{\"t\":\"a ü ☃\"}\n", "{\"t\":\"a ü ☃\"}\n"),
            // CSI and OSC as one character each, a delete, and text that runs the other way.
            (
                "{\"t\":\"\u{9B}31m \u{9D}0;x\u{9C}\u{7F}\u{202E}\"}\n",
                #"{"t":"\u009b31m \u009d0;x\u009c\u007f\u202e"}"# + "\n"
            ),
            ("{\"t\":\"\u{1B}]0;x\u{7}\"}\n", #"{"t":"\u001b]0;x\u0007"}"# + "\n"),
            ("{\"a\":1,\r\n\t\"b\":2}\n", "{\"a\":1, \n\t\"b\":2}\n"),
        ]
        for (json, shown) in cases {
            #expect(String(decoding: DisplayText.escaped(json: Array(json.utf8)), as: UTF8.self) == shown)
        }
    }
}
