internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Writes to mapped files that the system does not take: a file that nobody may write any more, a disk that fails.
///
/// There is no error that a write to memory could return; the process gets SIGBUS, and would end. Instead the page
/// becomes the process's own, with what it held, so that what was going on goes on; whoever relies on the file looks at
/// ``count`` before promising or showing anything, and opens it anew. The maps are `sluice.heads` and SQLite's `-shm`.
enum MappingFault {
    private static let pageBytes = 4096
    private static let counter = Atomic<Int>(0)
    /// The process's memory as a file: reading from it gives an error where touching it would end the process.
    private static let memory = Atomic<Int32>(-1)

    /// How many pages were lost so.
    static var count: Int { Self.counter.load(ordering: .acquiring) }

    #if canImport(Glibc)
    /// Takes such faults from now on; once for a process is enough.
    static func handle() {
        guard Self.memory.load(ordering: .relaxed) < 0, sysconf(Int32(_SC_PAGESIZE)) == Self.pageBytes else {
            return
        }
        let memory = unsafe open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        guard memory >= 0, Self.memory.compareExchange(expected: -1, desired: memory, ordering: .relaxed).exchanged
        else {
            _ = close(memory)
            return
        }
        _ = Self.count
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_sigaction = { _, info, _ in
            unsafe MappingFault.received(info?.pointee._sifields._sigfault.si_addr)
        }
        action.sa_flags = SA_SIGINFO
        unsafe sigaction(SIGBUS, &action, nil)
    }

    /// In the handler: system calls only, no allocation, no lock.
    private static func received(_ address: UnsafeMutableRawPointer?) {
        let offset = Int(bitPattern: address) & ~(Self.pageBytes - 1)
        let protection = PROT_READ | PROT_WRITE
        let copy = unsafe mmap(nil, Self.pageBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let copy = unsafe copy, unsafe copy != MAP_FAILED,
            let page = unsafe UnsafeMutableRawPointer(bitPattern: offset)
        else {
            // Then the process ends, as it would have.
            signal(SIGBUS, SIG_DFL)
            return
        }
        // Of a page that cannot be read either, beyond a file's new end perhaps, nothing but zeros is left.
        _ = unsafe pread(Self.memory.load(ordering: .relaxed), copy, Self.pageBytes, off_t(offset))
        guard unsafe mmap(page, Self.pageBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page
        else {
            signal(SIGBUS, SIG_DFL)
            return
        }
        unsafe memcpy(page, copy, Self.pageBytes)
        unsafe munmap(copy, Self.pageBytes)
        Self.counter.add(1, ordering: .releasing)
    }
    #else
    static func handle() {}
    #endif
}
