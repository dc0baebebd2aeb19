internal import SluiceSystem
internal import Synchronization

/// Writes to mapped files that the system refuses: the file has become read-only, or the disk fails.
///
/// There is no error that a write to memory could return; the process gets SIGBUS, and would end. Instead the page
/// becomes the process's own, with its contents, and the work continues; users of the file check ``count`` before they
/// promise or show anything, and reopen it. The maps are `sluice.heads`, shared memory, and SQLite's `-shm`.
enum MappingFault {
    private static let pageBytes = 4096
    private static let counter = Atomic<Int>(0)
    /// The process's memory as a file: reading from it gives an error where touching it would end the process.
    private static let memory = Atomic<Int32>(-1)

    /// How many pages were lost so.
    static var count: Int { Self.counter.load(ordering: .acquiring) }

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
            unsafe MappingFault.received(info)
        }
        action.sa_flags = SA_SIGINFO
        unsafe sigaction(SIGBUS, &action, nil)
    }

    /// In the handler: system calls only, no allocation, no lock.
    private static func received(_ info: UnsafeMutablePointer<siginfo_t>?) {
        // The interrupted code must find errno unchanged.
        let number = errno
        defer { errno = number }
        // sigaction(2): a place that the mapped file does not have, or could not give. The other codes mean failing memory,
        // a wrong alignment, or a signal from another process, and cannot be mended.
        guard let info = unsafe info, unsafe info.pointee.si_code == CInt(BUS_ADRERR) else {
            Self.end()
            return
        }
        let offset = unsafe Int(bitPattern: info.pointee._sifields._sigfault.si_addr) & ~(Self.pageBytes - 1)
        let protection = PROT_READ | PROT_WRITE
        let copy = unsafe mmap(nil, Self.pageBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let copy = unsafe copy, unsafe copy != MAP_FAILED,
            let page = unsafe UnsafeMutableRawPointer(bitPattern: offset)
        else {
            Self.end()
            return
        }
        // Of a page that cannot be read either, beyond a file's new end perhaps, nothing but zeros is left.
        _ = unsafe pread(Self.memory.load(ordering: .relaxed), copy, Self.pageBytes, off_t(offset))
        guard unsafe mmap(page, Self.pageBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page
        else {
            Self.end()
            return
        }
        unsafe memcpy(page, copy, Self.pageBytes)
        unsafe munmap(copy, Self.pageBytes)
        Self.counter.add(1, ordering: .releasing)
    }

    /// Ends the process as the signal would have without a handler: with the return from this one, which holds it back.
    private static func end() {
        signal(SIGBUS, SIG_DFL)
        raise(SIGBUS)
    }
}
