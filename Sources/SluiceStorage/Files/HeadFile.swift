internal import Foundation
internal import SluiceBase
internal import SluiceRelay
internal import SluiceSystem
internal import Synchronization

/// The newest number that each log gave out, in memory that a killed process leaves behind.
///
/// Subscribers see a message before it is durable. If its number were given to another message after a crash, a
/// subscriber that continues from there would miss that message. So numbers are noted in shared memory before they are
/// shown: that is a write to memory and never waits for a disk, and the system keeps it when the process dies. Once a
/// second the notes are copied to a file beside the database. A machine that goes down, or a new container, loses the
/// later notes; numbering then continues beyond any number that could have been given out.
///
/// Without shared memory, the file itself is mapped and takes the notes; then a stalled disk can delay the thread that
/// notes.
///
/// Layout of both: a header (the boot's id, whether the file was closed in order, which file this is, and whether the
/// notes are in shared memory), then slots of two words, life and head. There are as many as the file is long; it grows
/// before the last one is taken, and a log that finds none is not begun.
@safe
final class HeadFile: Sendable {
    /// The most logs that there can be at once.
    static let maximumSlotCount = 1 << 20
    /// How many there is room for to begin with.
    private static let minimumSlotCount = 1 << 14
    private static let headerBytes = 64
    private static let slotBytes = 16
    /// More numbers than can be on their way to the disk at once.
    private static let safetyMargin = 1 << 20
    /// The folder of shared memory as files (shm_overview(7)).
    private static let sharedFolder = "/dev/shm"

    /// The places of the header's words.
    private enum Header {
        static let boot = 0
        static let isClosed = 8
        static let identity = 16
        static let isCopy = 24
    }

    private struct State: ~Copyable {
        /// Where numbers are noted.
        var notes: HeadMapping
        var slots: [Int64: Int] = [:]
        /// A copy of the slots, in case the file is removed.
        var heads: [Seq] = []
        var free: [Int] = []

        /// How many slots there are, and how many of them are taken.
        var slotCount: Int { HeadFile.slotCount(of: self.notes) }
        var takenCount: Int { self.slots.count }
    }

    private let folder: String
    private let boot: UInt64
    private let identity: UInt64
    private let state: Mutex<State>
    /// The file; only threads that may wait for the disk touch it, unless it is where numbers are noted.
    private let file: Mutex<HeadMapping>
    /// The notes of the last process, by life.
    private let noted: [Int64: Seq]
    /// Added to the head of every log after a machine went down.
    private let margin: Int

    /// The notes of a folder's store; until ``begin()`` a process that comes after this one takes none of them for exact.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - lifeCount: How many logs there are.
    ///   - usesSharedMemory: Whether to note in shared memory where it is available.
    /// - Throws: ``StoreError`` if the file cannot be used, or there are too many logs.
    init(folder: String, lifeCount: Int = 0, usesSharedMemory: Bool = true) throws(StoreError) {
        guard lifeCount <= Self.maximumSlotCount else {
            throw .unusable(
                path: folder,
                reason: "it has \(lifeCount) scans, and \(Self.maximumSlotCount) are the most"
            )
        }
        let byteCount = Self.byteCount(of: max(Self.minimumSlotCount, min(lifeCount * 2, Self.maximumSlotCount)))
        let (file, shared) = try Self.mappings(of: folder, byteCount: byteCount, usesSharedMemory: usesSharedMemory)
        let boot = Self.bootID()
        let isSameBoot = file.word(at: Header.boot) == boot
        // Notes in memory from another boot, another file or another folder at this place are of no use.
        let isLeftBehind =
            isSameBoot && shared?.word(at: Header.boot) == boot
            && shared?.word(at: Header.identity) == file.word(at: Header.identity)
        let isExact = isLeftBehind || (isSameBoot && file.word(at: Header.isCopy) == 0)
        let wasClosed = file.word(at: Header.isClosed) != 0
        self.folder = folder
        self.boot = boot
        self.identity = .random(in: 1 ... .max)
        self.noted = Self.notes(in: isLeftBehind ? shared ?? file : file)
        // Of a log that began shortly before the machine went down there may be no note at all: so for each of them.
        self.margin = isExact || wasClosed ? 0 : Self.safetyMargin
        let notes = shared ?? file
        for mapping in [notes, file] {
            mapping.clear()
        }
        self.file = Mutex(file)
        self.state = Mutex(State(notes: notes))
    }

    /// The last process's notes have been noted again: from now on the notes are exact.
    ///
    /// Blocks.
    func begin() throws(StoreError) {
        self.copy()
        let file = self.file.withLock { $0 }
        Self.begin(file, notes: self.state.withLock { $0.notes }, boot: self.boot, identity: self.identity)
        // Before the first number: else a machine that goes down now might find that the file was closed in order.
        guard file.sync() else {
            throw .unusable(path: file.path, reason: "cannot be written")
        }
    }

    /// The newest number that a log may have given out, where its newest stored message has `head`.
    func head(of life: Int64, stored head: Seq) -> Seq {
        max(head, self.noted[life] ?? 0).advanced(by: self.margin)
    }

    /// Takes a slot for a new log.
    ///
    /// Returns whether there was one, and whether it is time to make more.
    func reserve(_ life: Int64) -> (isTaken: Bool, isCrowded: Bool) {
        self.state.withLock { state in
            let isTaken = Self.slot(of: life, &state) != nil
            let isCrowded = state.takenCount > state.slotCount / 4 * 3 && state.slotCount < Self.maximumSlotCount
            return (isTaken, isCrowded)
        }
    }

    /// Makes the file and the notes twice as long; existing notes stay where they are.
    ///
    /// Blocks; the notes of other threads wait for memory alone.
    func grow() throws(StoreError) {
        let old = self.file.withLock { $0 }
        let (slotCount, notesPath) = self.state.withLock { ($0.slotCount, $0.notes.path) }
        guard slotCount < Self.maximumSlotCount else {
            return
        }
        let byteCount = Self.byteCount(of: min(slotCount * 2, Self.maximumSlotCount))
        let file = try HeadMapping(path: old.path, byteCount: byteCount)
        let notes = notesPath == old.path ? file : try HeadMapping(path: notesPath, byteCount: byteCount, isOurs: true)
        // A file that was moved or replaced is left to ``reattach()``.
        guard file.identity == old.identity else {
            throw .unusable(path: old.path, reason: "the file was moved or removed")
        }
        self.state.withLock { $0.notes = notes }
        self.file.withLock { $0 = file }
    }

    /// A log gave out numbers up to this one.
    func note(_ life: Int64, head: Seq) {
        self.state.withLock { state in
            guard let slot = Self.slot(of: life, &state) else {
                return
            }
            state.heads[slot] = head
            Self.write(life, head, slot, state.notes)
        }
    }

    /// A log gives out no more numbers.
    func forget(_ life: Int64) {
        self.state.withLock { state in
            guard let slot = state.slots.removeValue(forKey: life) else {
                return
            }
            state.notes.set(0, at: Self.headerBytes + slot * Self.slotBytes)
            state.free.append(slot)
        }
    }

    /// Brings the notes from shared memory to the file.
    ///
    /// Blocks; the notes of other threads wait for memory alone.
    func copy() {
        let file = self.file.withLock { $0 }
        let words = self.state.withLock { state in
            // If the file itself has the notes there is nothing to copy, and values read here may be old when they are
            // written.
            state.notes === file
                ? [] : (0..<state.heads.count * 2).map { state.notes.word(at: Self.headerBytes + $0 * 8) }
        }
        self.file.withLock { file in
            for (index, word) in words.enumerated() where file.word(at: Self.headerBytes + index * 8) != word {
                file.set(word, at: Self.headerBytes + index * 8)
            }
        }
    }

    /// Maps the file again: it may be another file, or the old map may no longer reach it.
    ///
    /// Blocks; the notes of other threads wait for memory alone.
    func reattach() throws(StoreError) {
        let old = self.file.withLock { $0 }
        let isInPlace = old.isInPlace
        let (isNotedInFile, notesPath) = self.state.withLock { ($0.notes === old, $0.notes.path) }
        // The folder may be a new one, with another name in shared memory, where a foreign process may have notes.
        let (file, shared) = try Self.mappings(
            of: self.folder,
            byteCount: old.byteCount,
            usesSharedMemory: !isNotedInFile
        )
        if !isInPlace {
            file.clear()
        }
        let notes = shared ?? file
        if notes !== file, notes.path != notesPath {
            notes.clear()
        }
        Self.begin(file, notes: notes, boot: self.boot, identity: self.identity)
        let oldNotes = self.state.withLock { state in
            for (life, slot) in state.slots {
                Self.write(life, state.heads[slot], slot, notes)
            }
            let oldNotes = state.notes
            state.notes = notes
            return oldNotes
        }
        self.file.withLock { $0 = file }
        if oldNotes.path != notes.path, oldNotes.path != old.path {
            unsafe unlink(oldNotes.path)
        }
        self.copy()
    }

    /// Everything noted is stored.
    func closed() {
        self.copy()
        self.file.withLock { $0.set(1, at: Header.isClosed) }
        let (path, filePath) = (self.state.withLock { $0.notes.path }, self.file.withLock { $0.path })
        if path != filePath {
            unsafe unlink(path)
        }
    }

    private static func begin(_ file: HeadMapping, notes: HeadMapping, boot: UInt64, identity: UInt64) {
        for mapping in [notes, file] {
            mapping.set(boot, at: Header.boot)
            mapping.set(identity, at: Header.identity)
        }
        file.set(notes === file ? 0 : 1, at: Header.isCopy)
    }

    private static func notes(in mapping: HeadMapping) -> [Int64: Seq] {
        var noted: [Int64: Seq] = [:]
        for slot in 0..<Self.slotCount(of: mapping) {
            let place = Self.headerBytes + slot * Self.slotBytes
            let life = mapping.word(at: place)
            if life != 0 {
                noted[Int64(bitPattern: life)] = Seq(clamping: mapping.word(at: place + 8))
            }
        }
        return noted
    }

    /// The file, and shared memory of the same length; nil where there is none to be had.
    private static func mappings(
        of folder: String,
        byteCount: Int,
        usesSharedMemory: Bool
    ) throws(StoreError) -> (file: HeadMapping, shared: HeadMapping?) {
        let path = folder + "/sluice.heads"
        let file = try HeadMapping(path: path, byteCount: byteCount)
        guard usesSharedMemory, let shared = self.sharedMapping(of: folder, byteCount: file.byteCount) else {
            return (file, nil)
        }
        guard shared.byteCount > file.byteCount else {
            return (file, shared)
        }
        return (try HeadMapping(path: path, byteCount: shared.byteCount), shared)
    }

    /// Shared memory under the folder's own name; nil where there is none to be had.
    private static func sharedMapping(of folder: String, byteCount: Int) -> HeadMapping? {
        guard let status = FileStatus(path: folder) else {
            return nil
        }
        let path = "\(self.sharedFolder)/sluice-heads-\(geteuid())-\(status.device)-\(status.number)"
        return try? HeadMapping(path: path, byteCount: byteCount, isOurs: true)
    }

    private static func byteCount(of slotCount: Int) -> Int {
        self.headerBytes + slotCount * self.slotBytes
    }

    private static func slotCount(of mapping: HeadMapping) -> Int {
        (mapping.byteCount - self.headerBytes) / self.slotBytes
    }

    private static func write(_ life: Int64, _ head: Seq, _ slot: Int, _ mapping: HeadMapping) {
        let place = Self.headerBytes + slot * Self.slotBytes
        mapping.set(head.rawValue, at: place + 8)
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
        guard state.heads.count < state.slotCount else {
            return nil
        }
        state.heads.append(0)
        state.slots[life] = state.heads.count - 1
        return state.heads.count - 1
    }

    /// Which start of the machine this is; 0 where it does not say.
    private static func bootID() -> UInt64 {
        let text = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        return StableHash.of(text, from: 0)
    }
}
