import SluiceBase
import Testing

@Suite struct ByteNameTests {
    @Test func `names that Unicode takes for one are two`() {
        let composed = ByteName("zo\u{EB}")
        let decomposed = ByteName("zoe\u{308}")
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, ByteName("zo\u{EB}")]).count == 2)
        #expect("\(composed)".utf8.elementsEqual("zo\u{EB}".utf8))
    }
}
