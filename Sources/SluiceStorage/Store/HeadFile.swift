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

    private struct State: ~Copyable {
        var mapping: HeadMapping
        var slots: [Int64: Int] = [:]
        /// What stands in the slots, should the file be taken away.
        var heads: [Seq] = []
        var free: [Int] = []
    }

    private let folder: String
    private let boot: UInt64
    private let state: Mutex<State>
    /// What the last process noted, by life.
    private let noted: [Int64: Seq]
    /// What is added to every log's head: the margin after a machine went down.
    private let margin: Seq

    init(folder: String) throws(StoreError) {
        let mapping = try HeadMapping(folder: folder, byteCount: Self.fileBytes)
        var noted: [Int64: Seq] = [:]
        for slot in 0..<Self.slotCount {
            let place = Self.headerBytes + slot * 16
            let life = mapping.word(at: place)
            if life != 0 {
                noted[Int64(bitPattern: life)] = mapping.word(at: place + 8)
            }
        }
        let boot = Self.bootID()
        let isSameBoot = mapping.word(at: 0) == boot
        let wasClosed = mapping.word(at: 8) != 0
        self.folder = folder
        self.boot = boot
        self.noted = noted
        // Of a log that began shortly before the machine went down there may be no note at all: so for each of them.
        self.margin = isSameBoot || wasClosed ? 0 : Self.safetyMargin
        mapping.clear()
        mapping.set(boot, at: 0)
        // Before the first number: else a machine that goes down now might find that the file was closed in order.
        guard mapping.sync() else {
            throw .unusable(path: folder, reason: "sluice.heads cannot be written")
        }
        self.state = Mutex(State(mapping: mapping))
    }

    /// The newest number that a log may have given out, where its newest stored message has `head`.
    func head(of life: Int64, stored head: Seq) -> Seq {
        max(head, self.noted[life] ?? 0) + self.margin
    }

    /// A log gave out numbers up to this one.
    func note(_ life: Int64, head: Seq) {
        self.state.withLock { state in
            guard let slot = Self.slot(of: life, &state) else {
                return
            }
            state.heads[slot] = head
            Self.write(life, head, slot, state.mapping)
        }
    }

    /// A log gives out no more numbers.
    func forget(_ life: Int64) {
        self.state.withLock { state in
            guard let slot = state.slots.removeValue(forKey: life) else {
                return
            }
            state.mapping.set(0, at: Self.headerBytes + slot * 16)
            state.free.append(slot)
        }
    }

    /// Maps the file anew: it may be another one, or the old map may no longer reach it.
    ///
    /// Blocks; the notes of other threads wait for memory alone.
    func reattach() throws(StoreError) {
        let isInPlace = self.state.withLock { $0.mapping.isInPlace }
        let mapping = try HeadMapping(folder: self.folder, byteCount: Self.fileBytes)
        if !isInPlace {
            mapping.clear()
        }
        mapping.set(self.boot, at: 0)
        self.state.withLock { state in
            for (life, slot) in state.slots {
                Self.write(life, state.heads[slot], slot, mapping)
            }
            state.mapping = mapping
        }
    }

    /// Everything noted is stored.
    func closed() {
        self.state.withLock { $0.mapping.set(1, at: 8) }
    }

    private static func write(_ life: Int64, _ head: Seq, _ slot: Int, _ mapping: HeadMapping) {
        let place = Self.headerBytes + slot * 16
        mapping.set(head, at: place + 8)
        mapping.set(UInt64(bitPattern: life), at: place)
    }

    private static func slot(of life: Int64, _ state: inout State) -> Int? {
        if let slot = state.slots[life] {
            return slot
        }
        if let slot = state.free.popLast() {
            state.slots[life] = slot
            return slot
        }
        guard state.heads.count < Self.slotCount else {
            return nil
        }
        state.heads.append(0)
        state.slots[life] = state.heads.count - 1
        return state.heads.count - 1
    }

    /// Which start of the machine this is; 0 where it does not say.
    private static func bootID() -> UInt64 {
        let text = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        return text.utf8.reduce(0) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
