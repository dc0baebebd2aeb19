import NIOCore
import SluiceBase
import Testing

@Suite struct JSONWriterTests {
    @Test func `members and elements are parted by commas at every level`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("a", 1)
        writer.name("b")
        writer.beginArray()
        writer.endArray()
        writer.name("c")
        writer.beginArray()
        writer.value(-2)
        writer.beginObject()
        writer.member("d", "x")
        writer.endObject()
        writer.raw(ByteBuffer(string: "[0]"))
        writer.null()
        writer.endArray()
        writer.member("e", 2.5)
        writer.member("f", Double.infinity)
        writer.member("g", nil as String?)
        writer.member("h", false)
        writer.endObject()
        #expect(
            String(buffer: writer.buffer)
                == #"{"a":1,"b":[],"c":[-2,{"d":"x"},[0],null],"e":2.5,"f":null,"g":null,"h":false}"#
        )
    }

    @Test(arguments: [
        ("", #""""#), ("a/b", #""a/b""#), ("\"\\", #""\"\\""#), ("\u{0}\u{1F}\u{7F}", "\"\\u0000\\u001f\u{7F}\""),
        ("\r\n\t", #""\r\n\t""#), ("\u{E9}\u{1F600}\u{2028}", "\"\u{E9}\u{1F600}\u{2028}\""),
    ])
    func `strings are escaped where they have to be`(text: String, json: String) {
        var writer = JSONWriter()
        writer.value(text)
        #expect(String(buffer: writer.buffer) == json)
    }
}
