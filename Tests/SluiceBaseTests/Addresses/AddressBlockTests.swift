import SluiceBase
import Testing

@Suite struct AddressBlockTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.8.0.0/13", "10.15.9.9", true),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1/32", "192.0.2.0", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true),
        ("::/0", "8.8.8.8", false), ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::/64", "2001:db8::ffff:0:0:1", true), ("2001:db8::/64", "2001:db8:0:1::", false),
        ("2001:db8::80/121", "2001:db8::ff", true), ("2001:db8::80/121", "2001:db8::7f", false),
        ("::1/128", "::1", true), ("::1/128", "::2", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("::ffff:10.0.0.0/104", "10.1.1.1", true), ("::ffff:10.0.0.0/104", "11.1.1.1", false),
        ("::ffff:0.0.0.0/96", "8.8.8.8", true),
    ])
    func `a block contains its addresses`(block: String, address: String, expected: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try AddressBlock(block).contains(address) == expected)
    }

    @Test(
        arguments: [
            ("", .address), ("/", .address), ("/8", .address), ("10.0.0/8", .address), ("x/8", .address),
            ("fe80::1%eth0/128", .address), ("10.0.0.0 /8", .address),
            ("10.0.0.0/", .prefix(maximum: 32)), ("10.0.0.0/33", .prefix(maximum: 32)),
            ("10.0.0.0/-1", .prefix(maximum: 32)), ("10.0.0.0/08", .prefix(maximum: 32)),
            ("10.0.0.0/8/8", .prefix(maximum: 32)), ("10.0.0.0/+8", .prefix(maximum: 32)),
            ("10.0.0.0/ 8", .prefix(maximum: 32)), ("::/129", .prefix(maximum: 128)),
            ("::ffff:10.0.0.0/95", .prefix(maximum: 128)), ("::ffff:10.0.0.0/8", .prefix(maximum: 128)),
            ("10.0.0.1/31", .bits(prefix: 31)), ("10.1.2.3/8", .bits(prefix: 8)), ("fd01::/8", .bits(prefix: 8)),
            ("1.2.3.4/0", .bits(prefix: 0)), ("::1/0", .bits(prefix: 0)), ("::ffff:10.0.0.1/104", .bits(prefix: 104)),
        ] as [(String, AddressBlock.Fault)]
    )
    func `what is no block is told why`(text: String, fault: AddressBlock.Fault) {
        #expect(throws: fault) { try AddressBlock(text) }
    }

    @Test func `two spellings are one block, and a block is shown as it was written`() throws {
        #expect(try AddressBlock("::1") == AddressBlock("0:0::1/128"))
        #expect(try AddressBlock("10.0.0.0/8") != AddressBlock("10.0.0.0/9"))
        #expect(try Set([AddressBlock("::1"), AddressBlock("0::1")]).count == 1)
        #expect(try AddressBlock("0:0::1/128").description == "0:0::1/128")
    }
}
