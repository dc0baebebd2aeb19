internal import SluiceSystem

/// When this process began, by the kernel's figures.
enum ProcessStart {
    /// Seconds since 1970; nil where the system does not say.
    static let seconds: Double? = Self.seconds(
        process: Self.text("/proc/self/stat"),
        system: Self.text("/proc/stat"),
        ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK)))
    )

    /// Reads it from the kernel's texts (proc_pid_stat(5), proc_stat(5)).
    ///
    /// - Parameters:
    ///   - process: Of the process: field 22 is when it began, in ticks after the machine did.
    ///   - system: Of the machine: `btime` is when that began.
    ///   - ticksPerSecond: The length of a tick.
    /// - Returns: Seconds since 1970; nil where a text is not as described.
    static func seconds(process: String, system: String, ticksPerSecond: Double) -> Double? {
        // The second field is the program's name in parentheses, with whatever is in it.
        let fields = process.split(separator: ")").last?.split(separator: " ") ?? []
        let boot = system.split(separator: "\n").first { $0.hasPrefix("btime ") }?.split(separator: " ").last
        guard fields.count > 19, let ticks = Double(fields[19]), let boot = boot.flatMap({ Double($0) }) else {
            return nil
        }
        return boot + ticks / ticksPerSecond
    }

    private static func text(_ path: String) -> String {
        (try? FileContent(path: path, limit: 1 << 22)).map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
    }
}
