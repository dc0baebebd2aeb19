import Testing

@testable import SluiceServer

@Suite("How much memory there is")
struct MachineMemoryTests {
    private static let machine = "MemTotal:       16000000 kB\nMemFree:  1000 kB\n"
    private static let total = 16_384_000_000

    /// A machine with these files of the kernel's.
    private static func memory(_ files: [String: String]) -> MachineMemory {
        var files = files
        files["/proc/meminfo"] = files["/proc/meminfo"] ?? Self.machine
        let all = files
        return MachineMemory { all[$0] }
    }

    @Test("Without control groups it is the machine's, and without a word of the machine it is not known")
    func machine() {
        #expect(Self.memory([:]).available == Self.total)
        #expect(Self.memory(["/proc/meminfo": "nonsense"]).available == nil)
        let nonsense = ["/proc/self/cgroup": "\u{0}\n::\n0:", "/proc/self/mountinfo": "- - -"]
        #expect(Self.memory(nonsense).available == Self.total)
    }

    @Test("In version 2 the smallest limit from the own group up to the root counts")
    func unified() {
        let files = [
            "/proc/self/cgroup": "0::/system.slice/sluice.service\n",
            "/proc/self/mountinfo": "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
            "/sys/fs/cgroup/system.slice/sluice.service/memory.max": "max\n",
            "/sys/fs/cgroup/system.slice/memory.max": "1073741824\n",
        ]
        #expect(Self.memory(files).available == 1_073_741_824)
        let own = files.merging(["/sys/fs/cgroup/system.slice/sluice.service/memory.max": "1000\n"]) { $1 }
        #expect(Self.memory(own).available == 1000)
        let none = files.merging(["/sys/fs/cgroup/system.slice/memory.max": "max\n"]) { $1 }
        #expect(Self.memory(none).available == Self.total)
    }

    @Test("In a container the group is the root of what is mounted")
    func container() {
        let files = [
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": "1 2 0:23 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            "/sys/fs/cgroup/memory.max": "536870912\n",
        ]
        #expect(Self.memory(files).available == 536_870_912)
    }

    @Test("In version 1 the hierarchy of memory counts, also beside version 2, and no limit is a huge number")
    func legacy() {
        let mounts = """
            30 1 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
            31 30 0:27 /docker/c0ffee /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory
            32 30 0:28 /docker/c0ffee /sys/fs/cgroup/pids ro master:12 - cgroup cgroup rw,pids
            33 30 0:29 / /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw

            """
        let files = [
            "/proc/self/cgroup": "9:name=systemd:/a\n4:cpu,memory:/docker/c0ffee\n0::/b\n",
            "/proc/self/mountinfo": mounts,
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
            "/sys/fs/cgroup/pids/memory.limit_in_bytes": "1\n",
        ]
        #expect(Self.memory(files).available == 268_435_456)
        let none = files.merging(["/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"]) { $1 }
        #expect(Self.memory(none).available == Self.total)
        let both = files.merging(["/sys/fs/cgroup/unified/b/memory.max": "1024\n"]) { $1 }
        #expect(Self.memory(both).available == 1024)
    }

    @Test("A group outside of what is mounted leaves the mount's own limit", arguments: ["/elsewhere", "/../../other"])
    func outside(group: String) {
        let files = [
            "/proc/self/cgroup": "0::\(group)\n",
            "/proc/self/mountinfo": "1 2 0:23 /kubepods/pod1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            "/sys/fs/cgroup/memory.max": "4096\n",
        ]
        #expect(Self.memory(files).available == 4096)
    }

    @Test("A limit that changes while the process runs is seen")
    func change() {
        let limit = LockedText("1000")
        let memory = MachineMemory { path in
            switch path {
            case "/proc/self/cgroup": "0::/\n"
            case "/proc/self/mountinfo": "1 2 0:23 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
            case "/sys/fs/cgroup/memory.max": limit.text
            default: nil
            }
        }
        #expect(memory.available == 1000)
        limit.text = "2000"
        #expect(memory.available == 2000)
    }

    @Test("This machine has some")
    func real() throws {
        #expect(try #require(MachineMemory().available) > 1 << 26)
    }

    @Test("The mark is three quarters of it, a size, or none")
    func mark() {
        typealias Memory = GatewayConfiguration.Limits.Memory
        #expect(Memory.automatic.mark(available: 4 << 30) == 3 << 30)
        #expect(Memory.automatic.mark(available: nil) == nil)
        #expect(Memory.bytes(7).mark(available: 4 << 30) == 7)
        #expect(Memory.unlimited.mark(available: 4 << 30) == nil)
    }
}
