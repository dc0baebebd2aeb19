import SluiceBase
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"),
        ("::", "0:0:0:0:0:0:0:0"), ("::1", "0:0:0:0:0:0:0:1"), ("1::", "1:0:0:0:0:0:0:0"),
        ("2001:DB8::a:0:1", "2001:db8:0:0:0:a:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("fe80::1%eth0", "fe80:0:0:0:0:0:0:1"), ("64:ff9b::192.0.2.33", "64:ff9b:0:0:0:0:c000:221"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:c000:201", "192.0.2.1"), ("0:0:0:0:0:FFFF:1.2.3.4", "1.2.3.4"),
        ("::1.2.3.4", "0:0:0:0:0:0:102:304"),
    ])
    func `an address is read in each of its spellings`(text: String, expected: String) {
        #expect(IPAddress(text)?.description == expected)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "01.2.3.4", "1.2.3.-4", "1.2.3.+4", "1.2.3.4 ",
        "1..3.4", "0x7f.0.0.1", "127.1", "2130706433", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
        "12345::", "g::", "::1:", ":1::", "1:2:3:4:5:6:7:8::", "::+1", "::-1", "1.2.3.4::", "::1.2.3", "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4", "[::1]", "١.2.3.4", "localhost", "::ffff:1.2.3.4.5", "1:2:3:4::5:6:7:8:",
    ])
    func `what is no address is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true),
        ("128.0.0.1", false), ("127.example", false), ("127.1", false), ("::2", false), ("1::1", false), ("", false),
    ])
    func `this machine is known by its addresses, and a name that looks like one is not`(host: String, expected: Bool) {
        #expect(IPAddress.isLoopback(host: host) == expected)
    }

    @Test func `IPv6 counts by 64 bits, IPv4 by itself, mapped IPv4 as IPv4`() {
        #expect(AddressKey("2001:db8:1:2::1") == AddressKey("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(AddressKey("2001:db8:1:2::1") != AddressKey("2001:db8:1:3::1"))
        #expect(AddressKey("192.0.2.1") != AddressKey("192.0.2.2"))
        #expect(AddressKey("::ffff:192.0.2.1") == AddressKey("192.0.2.1"))
        #expect(AddressKey("::1.2.3.4") != AddressKey("1.2.3.4"))
        #expect(AddressKey("0.0.0.0") != AddressKey("::"))
        #expect(AddressKey("nobody") == nil)
        for text in ["192.0.2.1", "2001:db8:1:2::1", "::", "255.255.255.255"] {
            #expect(AddressKey(text).flatMap { AddressKey(keyText: $0.text) } == AddressKey(text))
        }
        for text in ["", "4:", "5:1", "4:100000000", "6:g", "4:-1", "192.0.2.1"] {
            #expect(AddressKey(keyText: text) == nil)
        }
    }
}
