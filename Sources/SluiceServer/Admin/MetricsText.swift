internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The metrics as Prometheus reads them (text exposition format 0.0.4).
struct MetricsText {
    private var text = ""

    /// One sample, with its labels.
    typealias Sample = (labels: [(String, String)], value: Double)

    /// The whole page.
    static func page(_ values: MetricsValues) -> ByteBuffer {
        var text = MetricsText()
        text.relay(values)
        text.server(values)
        text.process(values.load)
        if let store = values.store {
            text.store(store, values.homes)
        }
        if let engine = values.engine {
            text.engine(engine)
        }
        return ByteBuffer(string: text.text)
    }

    mutating func counter(_ name: String, _ help: String, _ value: Double) {
        self.samples(name, "counter", help, [([], value)])
    }

    mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        self.samples(name, "gauge", help, [([], value)])
    }

    /// Sums of several accounts, in buckets.
    mutating func histogram(_ name: String, _ help: String, _ accounts: [Histogram], bounds: [Double]) {
        let sum = accounts.reduce(into: Histogram(bounds: bounds)) { $0.add($1) }
        self.head(name, "histogram", help)
        var count = 0
        for (bound, more) in zip(sum.bounds.map(Self.number) + ["+Inf"], sum.counts) {
            count += more
            self.text += "\(name)_bucket{le=\"\(bound)\"} \(count)\n"
        }
        self.text += "\(name)_sum \(Self.number(sum.sum))\n\(name)_count \(count)\n"
    }

    /// Counts by one label, in its order.
    mutating func samples(_ name: String, _ type: String, _ help: String, by label: String, _ counts: [String: Int]) {
        self.samples(
            name,
            type,
            help,
            counts.sorted { $0.key < $1.key }.map { ([(label, $0.key)], Double($0.value)) }
        )
    }

    mutating func samples(_ name: String, _ type: String, _ help: String, _ samples: [Sample]) {
        self.head(name, type, help)
        for sample in samples {
            let labels = sample.labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
            self.text += labels.isEmpty ? name : "\(name){\(labels)}"
            self.text += " \(Self.number(sample.value))\n"
        }
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(clamping: value)) : String(value)
    }

    private static func escaped(_ label: String) -> String {
        // Scalars, as a newline behind a carriage return is no character of its own.
        label.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Array {
    /// The sum of a count over all accounts.
    func sum(_ count: (Element) -> Int) -> Double {
        Double(self.reduce(0) { $0 + count($1) })
    }
}
