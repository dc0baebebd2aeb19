internal import SluiceSystem

/// How much of the operating system's resources this process uses.
struct MachineLoad: Sendable, Equatable {
    /// Descriptors open.
    var openDescriptors = 0
    /// The most that may be open: the soft limit of `RLIMIT_NOFILE`.
    var descriptorLimit = Int.max
    /// Bytes of memory that are really there (RSS); 0 where the system does not say.
    var residentBytes = 0
    /// Bytes of addresses that are taken; 0 where the system does not say.
    var virtualBytes = 0
    /// Seconds that the processors spent on this process.
    var processorSeconds = 0.0
    /// The most memory that the process may have; nil where the system does not say.
    var memoryBytes: Int?

    private static let memory = MachineMemory()

    /// Looks.
    ///
    /// It reads from `/proc`, so not on an event loop.
    static func measured() -> Self {
        let limit = CLibrary.openFileLimit()
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        let pages = Self.pages()
        // If even looking needs a descriptor that is not there, none is left.
        return Self(
            openDescriptors: Self.countDescriptors() ?? limit,
            descriptorLimit: limit,
            residentBytes: pages.resident * pageBytes,
            virtualBytes: pages.virtual * pageBytes,
            processorSeconds: Self.processorSeconds(),
            memoryBytes: Self.memory.available
        )
    }

    /// Gives memory that was freed back to the system, which would otherwise still count as in use.
    static func releaseFreeMemory() {
        // glibc's own, and not in its module map: looked up by name, and other systems go without.
        guard let symbol = unsafe dlsym(nil, "malloc_trim") else {
            return
        }
        let trim = unsafe unsafeBitCast(symbol, to: (@convention(c) (Int) -> CInt).self)
        _ = trim(0)
    }

    private static func countDescriptors() -> Int? {
        // Linux tells their number as the folder's size, from 6.2 on.
        if let count = FileStatus(path: "/proc/self/fd")?.byteCount, count > 0 {
            return count
        }
        guard let folder = unsafe opendir("/dev/fd") else {
            return nil
        }
        defer { unsafe closedir(folder) }
        // Not counted: the two dots, and the descriptor that is used for looking.
        var count = -3
        while unsafe readdir(folder) != nil {
            count += 1
        }
        return max(count, 0)
    }

    private static func processorSeconds() -> Double {
        Double(CLibrary.nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID)) / 1_000_000_000
    }

    /// The first two numbers of `/proc/self/statm` (proc(5)).
    private static func pages() -> (virtual: Int, resident: Int) {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            return (0, 0)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        let numbers = bytes.prefix(max(count, 0)).split(separator: UInt8(ascii: " "))
            .map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }
        return numbers.count > 1 ? (numbers[0], numbers[1]) : (0, 0)
    }
}
