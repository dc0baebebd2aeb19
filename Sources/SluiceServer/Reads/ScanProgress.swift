internal import NIOCore
internal import SluiceAdmission
internal import SluiceRelay

/// How far a scan is, folded out of what its scanner said: the phase that it is in, and how much of that is done.
///
/// The phase is the newest that a `phaseStarted` or a state message names in its `phase`; the percentage is the newest
/// `percent` of a state message that is of this phase, or names none. What says neither leaves both unknown.
struct ScanProgress: Equatable {
    /// State messages beyond so many, counted from the newest, are not looked at, and none of more bytes: each has to be
    /// parsed.
    private static let maximumCount = 32
    private static let maximumBytes = 8 * 1024

    /// The phase; nil if none was named.
    private(set) var phase: String?
    /// 0 to 100 by custom, but it is the scanner's word; nil if none was said in this phase.
    private(set) var percent: Double?

    /// Reads a scan's state.
    init(_ state: ScanState) {
        var entries = Array(state.latest.suffix(Self.maximumCount))
        if let start = state.phaseStart {
            entries.insert(start, at: entries.firstIndex { $0.seq > start.seq } ?? entries.endIndex)
        }
        for entry in entries.reversed() {
            self.read(entry)
            if self.phase != nil, self.percent != nil || entry.seq == state.phaseStart?.seq {
                return
            }
        }
    }

    private mutating func read(_ entry: LogEntry) {
        guard entry.message.byteCount <= Self.maximumBytes else {
            return
        }
        let text = [UInt8(ascii: "{")] + Array(entry.message.body.readableBytesView)
        guard let message = try? JSONReader.object(text, maximumDepth: 64, maximumMemberCount: 256) else {
            return
        }
        let phase = message["phase"]?.string
        if self.phase == nil {
            self.phase = phase
        }
        if self.percent == nil, phase == nil || phase == self.phase, case .number(let percent)? = message["percent"],
            percent.isFinite
        {
            self.percent = percent
        }
    }
}
