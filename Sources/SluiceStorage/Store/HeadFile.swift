internal import Foundation
internal import SluiceRelay
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The newest number that each log gave out, in memory that a killed process leaves behind.
///
/// Subscribers see a message before it is durable. Were its number given to another message after a crash, a subscriber
/// that goes on from there would miss that one. So numbers are noted in a mapped file before anybody sees them: that is
/// a write to memory, never to the disk, and the system keeps it when the process dies. A machine that goes down may
/// lose it; then numbering goes on far beyond what could have been given out.
///
/// Layout: a header (the boot's id, and whether the file was closed in order), then slots of two words, life and head.
@safe
final class HeadFile: Sendable {
    private static let slotCount = 1 << 16
    private static let headerBytes = 64
    private static let fileBytes = HeadFile.headerBytes + HeadFile.slotCount * 16
    /// More numbers than can be on their way to the disk at once.
    private static let safetyMargin: Seq = 1 << 20

    private struct State {
        var slots: [Int64: Int] = [:]
        var free: [Int] = []
        var unused = 0
    }

    // Mapped until the process ends; each word is written under the lock, or by `init` before anybody else sees it.
    private nonisolated(unsafe) let bytes: UnsafeMutableRawPointer
    private let state = Mutex(State())
    /// What the last process noted, by life.
    private let noted: [Int64: Seq]
    /// What is added to every log's head: the margin after a machine went down.
    private let margin: Seq

    init(folder: String) throws(StoreError) {
        let descriptor = unsafe open(folder + "/sluice.heads", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .unusable(path: folder, reason: unsafe String(cString: strerror(errno)))
        }
        defer { _ = close(descriptor) }
        // Room on the disk for all of it, now: a write to memory that finds none would end the process.
        let failure = posix_fallocate(descriptor, 0, off_t(Self.fileBytes))
        guard failure == 0 else {
            throw .unusable(path: folder, reason: unsafe String(cString: strerror(failure)))
        }
        let mapped = unsafe mmap(nil, Self.fileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            throw .unusable(path: folder, reason: unsafe String(cString: strerror(errno)))
        }
        unsafe self.bytes = unsafe mapped
        var noted: [Int64: Seq] = [:]
        for slot in 0..<Self.slotCount {
            let place = Self.headerBytes + slot * 16
            let life = unsafe mapped.load(fromByteOffset: place, as: Int64.self)
            if life != 0 {
                noted[life] = unsafe mapped.load(fromByteOffset: place + 8, as: UInt64.self)
            }
        }
        self.noted = noted
        let boot = Self.bootID()
        let isSameBoot = unsafe mapped.load(fromByteOffset: 0, as: UInt64.self) == boot
        let wasClosed = unsafe mapped.load(fromByteOffset: 8, as: UInt64.self) != 0
        self.margin = isSameBoot || wasClosed || noted.isEmpty ? 0 : Self.safetyMargin
        unsafe memset(mapped, 0, Self.fileBytes)
        unsafe mapped.storeBytes(of: boot, as: UInt64.self)
    }

    /// The newest number that a log may have given out, where its newest stored message has `head`.
    func head(of life: Int64, stored head: Seq) -> Seq {
        max(head, self.noted[life] ?? 0) + (self.noted[life] == nil ? 0 : self.margin)
    }

    /// A log gave out numbers up to this one.
    func note(_ life: Int64, head: Seq) {
        self.state.withLock { state in
            guard let slot = Self.slot(of: life, &state) else {
                return
            }
            let place = Self.headerBytes + slot * 16
            unsafe self.bytes.storeBytes(of: head, toByteOffset: place + 8, as: UInt64.self)
            unsafe self.bytes.storeBytes(of: life, toByteOffset: place, as: Int64.self)
        }
    }

    /// A log gives out no more numbers.
    func forget(_ life: Int64) {
        self.state.withLock { state in
            guard let slot = state.slots.removeValue(forKey: life) else {
                return
            }
            unsafe self.bytes.storeBytes(of: 0, toByteOffset: Self.headerBytes + slot * 16, as: Int64.self)
            state.free.append(slot)
        }
    }

    /// Everything noted is stored.
    func closed() {
        self.state.withLock { _ in
            unsafe self.bytes.storeBytes(of: 1, toByteOffset: 8, as: UInt64.self)
        }
    }

    private static func slot(of life: Int64, _ state: inout State) -> Int? {
        if let slot = state.slots[life] {
            return slot
        }
        guard let slot = state.free.popLast() ?? (state.unused < Self.slotCount ? state.unused : nil) else {
            return nil
        }
        state.unused = max(state.unused, slot + 1)
        state.slots[life] = slot
        return slot
    }

    /// Which start of the machine this is; 0 where it does not say.
    private static func bootID() -> UInt64 {
        let text = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        return text.utf8.reduce(0) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
