// The C library comes by this module alone, under one name for each of its kinds.
#if canImport(Musl)
@_exported public import Musl
#else
@_exported public import Glibc
#endif

/// Calls of the C library that are used in more than one place, or differ between its kinds.
package enum CLibrary {
    /// The system's words for an error's number.
    package static func text(ofError number: Int32) -> String {
        unsafe String(cString: strerror(number))
    }

    /// Reads the available bytes, at most as many as fit (read(2)); again after a signal.
    ///
    /// - Parameters:
    ///   - bytes: Where to; overwritten from its start.
    ///   - descriptor: Where from.
    /// - Returns: How many bytes came; 0 at the end, -1 for an error, which `errno` then names.
    package static func fill(_ bytes: inout [UInt8], from descriptor: Int32) -> Int {
        while true {
            // The array's own memory and its own count: read writes within it.
            let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 || errno != EINTR {
                return count
            }
        }
    }

    /// How many descriptors this process may have open: the soft limit of `RLIMIT_NOFILE`, `ulimit -n`.
    package static func openFileLimit() -> Int {
        var limit = rlimit()
        #if canImport(Musl)
        let resource = RLIMIT_NOFILE
        #else
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        guard unsafe getrlimit(resource, &limit) == 0 else {
            return .max
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The time of a system clock, in nanoseconds (clock_gettime(2)).
    package static func nanoseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
