/// How much memory this process may have: the limit of its control groups, or the machine's memory.
///
/// The files of the limits are found once; their values may change while the process runs.
struct MachineMemory: Sendable {
    /// The kernel's figures for each control group and for the machine.
    typealias Reader = @Sendable (String) -> String?

    /// A hierarchy of control groups as it is mounted here.
    private struct Mount {
        /// The group at the mount point.
        var root: Substring
        var point: Substring
        var isUnified: Bool
    }

    private let read: Reader
    /// The files that may hold a limit, from the process's own group up.
    private let files: [String]

    /// Finds the files of the limits.
    ///
    /// - Parameter read: The text of a file of the kernel's; nil if there is none.
    init(read: @escaping Reader = MachineMemory.text) {
        self.read = read
        let groups = Self.groups(read("/proc/self/cgroup") ?? "")
        let mounts = Self.mounts(read("/proc/self/mountinfo") ?? "")
        self.files = groups.flatMap { group in
            mounts.filter { $0.isUnified == group.isUnified }
                .flatMap { Self.files(of: group.path, at: $0) }
        }
    }

    /// The bytes that the process may have at most; nil if nothing says so.
    var available: Int? {
        let limits = self.files.compactMap { self.read($0).flatMap { Int($0.filter { !$0.isWhitespace }) } }
        return (limits + [self.total].compactMap(\.self)).min()
    }

    /// All of the machine's memory (proc(5), `MemTotal`).
    private var total: Int? {
        // Asked for every second: no further than its line, which is the first.
        let line = self.read("/proc/meminfo")?.prefix { $0 != "\n" }
        guard let line, line.hasPrefix("MemTotal:") else { return nil }
        let fields = line.split(separator: " ")
        return fields.count > 1 ? Int(fields[1]).map { $0.multipliedClamped(by: 1024) } : nil
    }

    /// The process's groups that may limit memory: of the one hierarchy of version 2, and of version 1's for memory
    /// (cgroups(7)).
    private static func groups(_ text: String) -> [(path: Substring, isUnified: Bool)] {
        text.split(separator: "\n")
            .compactMap { line in
                let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
                guard fields.count == 3 else {
                    return nil
                }
                if fields[0] == "0", fields[1].isEmpty {
                    return (fields[2], true)
                }
                return fields[1].split(separator: ",").contains("memory") ? (fields[2], false) : nil
            }
    }

    /// Where those hierarchies are mounted (proc_pid_mountinfo(5)).
    private static func mounts(_ text: String) -> [Mount] {
        text.split(separator: "\n")
            .compactMap { line in
                let fields = line.split(separator: " ")
                guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else {
                    return nil
                }
                let isUnified = fields[dash + 1] == "cgroup2"
                let isMemory =
                    fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("memory")
                return isUnified || isMemory ? Mount(root: fields[3], point: fields[4], isUnified: isUnified) : nil
            }
    }

    /// The files with the limits of a group and of all above it.
    private static func files(of group: Substring, at mount: Mount) -> [String] {
        let root = mount.root == "/" ? "" : mount.root
        var rest: Substring = ""
        // A group outside the mounted tree is not visible; then use the mount's own limits.
        if group.hasPrefix(root + "/"), !group.split(separator: "/").contains("..") {
            rest = group.dropFirst(root.count)
        }
        let names = rest.split(separator: "/")
        let file = mount.isUnified ? "memory.max" : "memory.limit_in_bytes"
        return (0...names.count).reversed()
            .map { depth in
                ([mount.point] + names.prefix(depth) + [file[...]]).joined(separator: "/")
            }
    }

    /// A file of the kernel's.
    private static func text(_ path: String) -> String? {
        (try? FileContent(path: path, limit: 1 << 22)).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}

extension Int {
    fileprivate func multipliedClamped(by factor: Int) -> Int {
        let (product, overflow) = self.multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
