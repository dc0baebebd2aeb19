import Foundation
import Glibc

/// The files and pipes that we were started with, for the scanner to have too: a shell may have opened them for it
/// (`nmap -iL <(…)`).
///
/// Looked for before this process opens anything: later a number does not tell whose it is.
struct InheritedDescriptors: Sendable {
    private let numbers: Set<Int32>

    /// The first number behind all of them.
    let end: Int32

    /// The numbers between them, behind those of the standard streams, that are none.
    var gaps: [Int32] { (STDERR_FILENO + 1..<self.end).filter { !self.numbers.contains($0) } }

    /// Looks for the open files and pipes that a started command would inherit now.
    static func current() -> InheritedDescriptors {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return InheritedDescriptors(Set(names.compactMap { Int32($0) }.filter(self.isForTheScanner)))
    }

    private init(_ numbers: Set<Int32>) {
        self.numbers = numbers
        self.end = (numbers.max() ?? STDERR_FILENO) + 1
    }

    private static func isForTheScanner(_ descriptor: Int32) -> Bool {
        var information = stat()
        guard descriptor > STDERR_FILENO, fcntl(descriptor, F_GETFD) & FD_CLOEXEC == 0,
            unsafe fstat(descriptor, &information) == 0
        else { return false }
        switch information.st_mode & S_IFMT {
        case S_IFREG, S_IFIFO, S_IFCHR, S_IFDIR, S_IFBLK:
            return true
        default:
            return false
        }
    }
}
