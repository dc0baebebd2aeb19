import Testing

@testable import SluiceHTTP

@Suite struct CertificateChoiceTests {
    private let choice = CertificateChoice([
        ["*.a.example", "fallback.example"], ["www.a.example", "b.example"], ["*.b.example", "B.example"], [],
        ["*.example", "www.a.example"],
    ])

    @Test(arguments: [
        ("fallback.example", 0), ("x.a.example", 0), ("www.a.example", 1), ("WWW.A.example", 1), ("b.example", 1),
        ("x.b.example", 2), ("X.B.Example", 2), ("c.example", 4), ("a.example", 4),
    ])
    func `the very name comes before a pattern, and the first before a later one`(name: String, index: Int) {
        #expect(self.choice.index(for: name) == index)
    }

    @Test(arguments: ["", ".", "example", "x.y.a.example", ".a.example", "*", "localhost", "b.example."])
    func `a star stands for one whole label`(name: String) {
        #expect(self.choice.index(for: name) == nil)
    }
}
