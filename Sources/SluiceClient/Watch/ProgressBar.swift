import SluiceBase

/// How far a scan is, as one line: drawn from the newest `scanProgress` or `progress`.
struct ProgressBar: Sendable {
    /// The longest time that is shown as remaining, in seconds: a hundred days.
    private static let maximumRemaining = 8_640_000

    private var phase = ""
    private var percent: Double?
    private var remaining: Int?
    private var isStalled = false

    /// Takes a message into account.
    ///
    /// - Parameter message: The message received.
    /// - Returns: Whether the bar alone shows it, so that it needs no line of its own.
    mutating func update(with message: WatchedMessage) -> Bool {
        guard !message.isOfGateway else {
            if message.type == "scanStalled" { self.isStalled = true }
            if message.type == "scanResumed" { self.isStalled = false }
            return false
        }
        self.isStalled = false
        switch message.type {
        case "scanProgress", "progress":
            guard let percent = message.node["percent"]?.number else { return false }
            self.phase = message.node["phase"]?.scalarText ?? ""
            self.percent = min(max(percent, 0), 100)
            self.remaining = message.node["remaining"]?.number.map { Int(clamping: $0) }
            return true
        case "stats":
            return true
        case "phaseStarted":
            self.phase = message.node["phase"]?.scalarText ?? ""
            self.percent = 0
            self.remaining = nil
            return false
        case "scanCompleted", "error":
            self.percent = nil
            return false
        default:
            return false
        }
    }

    /// The line for this many columns.
    ///
    /// - Parameter width: How many columns there are.
    /// - Returns: The line, or nothing if it is not known how far the scan is.
    func text(width: Int) -> String? {
        guard let percent = self.percent else { return nil }
        let rounded = (percent * 10).rounded() / 10
        var tail = " \(rounded)%"
        if self.isStalled {
            tail += "  (silent)"
        } else if let remaining = self.remaining, (0...Self.maximumRemaining).contains(remaining) {
            tail += "  \(Self.clock(remaining)) left"
        }
        let phase = String(DisplayText.safe(self.phase).prefix(max(width / 3, 0)))
        let room = width - phase.count - tail.count - 4
        guard room >= 5 else { return String((phase + tail).prefix(max(width - 1, 0))) }
        let length = min(room, 40)
        let filled = Int(clamping: percent / 100 * Double(length))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: length - filled)
        return "\(phase) \(bar)\(tail)"
    }

    private static func clock(_ seconds: Int) -> String {
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(seconds / 3600):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    }
}
