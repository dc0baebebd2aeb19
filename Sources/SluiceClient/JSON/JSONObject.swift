/// Writes one flat JSON object member by member, everything escaped as RFC 8259 section 7 asks.
struct JSONObject: Sendable {
    private var text: [UInt8] = [UInt8(ascii: "{")]

    /// The object as it stands, closed.
    var bytes: [UInt8] { self.text + [UInt8(ascii: "}")] }

    /// Adds a string.
    mutating func set(_ key: String, _ value: String) {
        self.begin(key)
        self.write(value)
    }

    /// Adds a string, or nothing if there is none or it is empty.
    mutating func set(_ key: String, ifPresent value: String?) {
        if let value, !value.isEmpty { self.set(key, value) }
    }

    /// Adds a whole number.
    mutating func set(_ key: String, _ value: Int) {
        self.begin(key)
        self.text.append(contentsOf: String(value).utf8)
    }

    /// Adds a whole number, or nothing if there is none.
    mutating func set(_ key: String, ifPresent value: Int?) {
        if let value { self.set(key, value) }
    }

    /// Adds a number; what JSON cannot write (infinities, NaN) becomes 0.
    mutating func set(_ key: String, _ value: Double) {
        self.begin(key)
        self.text.append(contentsOf: String(value.isFinite ? value : 0).utf8)
    }

    /// Adds a truth value.
    mutating func set(_ key: String, _ value: Bool) {
        self.begin(key)
        self.text.append(contentsOf: String(value).utf8)
    }

    /// Adds a list of strings.
    mutating func set(_ key: String, _ values: [String]) {
        self.begin(key)
        self.text.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { self.text.append(UInt8(ascii: ",")) }
            self.write(value)
        }
        self.text.append(UInt8(ascii: "]"))
    }

    private mutating func begin(_ key: String) {
        if self.text.count > 1 { self.text.append(UInt8(ascii: ",")) }
        self.write(key)
        self.text.append(UInt8(ascii: ":"))
    }

    private mutating func write(_ string: String) {
        self.text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.text.append(UInt8(ascii: "\\"))
                self.text.append(byte)
            case 0x0A:
                self.text.append(contentsOf: "\\n".utf8)
            case 0x09:
                self.text.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                let digits = String(byte, radix: 16)
                self.text.append(contentsOf: "\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8)
            default:
                self.text.append(byte)
            }
        }
        self.text.append(UInt8(ascii: "\""))
    }
}
