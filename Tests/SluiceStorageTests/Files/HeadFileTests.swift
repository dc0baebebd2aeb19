import Foundation
import SluiceRelay
import Synchronization
import Testing

@testable import SluiceStorage

/// Which numbers are given after which end of the process or the machine.
@Suite
final class HeadFileTests {
    private let folder: String

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("heads-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    }

    deinit {
        try? self.removeSharedMemory()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// The notes as a process that has just started has them.
    private func open(usesSharedMemory: Bool = true, begins: Bool = true) throws -> HeadFile {
        let heads = try HeadFile(folder: self.folder, usesSharedMemory: usesSharedMemory)
        if begins {
            try heads.begin()
        }
        return heads
    }

    @Test("After a kill numbering goes on where it was", arguments: [true, false])
    func killed(usesSharedMemory: Bool) throws {
        let first = try self.open(usesSharedMemory: usesSharedMemory)
        first.note(1, head: 70)
        first.note(2, head: 7)
        first.forget(2)
        let second = try self.open(usesSharedMemory: usesSharedMemory)
        #expect(second.head(of: 1, stored: 50) == 70)
        #expect(second.head(of: 2, stored: 5) == 5)
    }

    @Test("Where the file itself has the notes, bringing them there takes none of them back")
    func copiedBesideNotes() throws {
        for _ in 0..<20 {
            let heads = try self.open(usesSharedMemory: false)
            for life in 1...500 {
                heads.note(Int64(life), head: 1)
            }
            let copies = Copies(heads)
            for head in UInt64(2)...3000 {
                heads.note(500, head: Seq(clamping: head))
            }
            copies.stop()
            #expect(try self.open(usesSharedMemory: false).head(of: 500, stored: 0) == 3000)
        }
    }

    @Test("Where shared memory is gone, numbering goes on far beyond what was copied, or had not been")
    func sharedMemoryGone() throws {
        let first = try self.open()
        first.note(1, head: 70)
        first.copy()
        first.note(1, head: 90)
        first.note(2, head: 5)
        try self.removeSharedMemory()
        let second = try self.open()
        #expect(second.head(of: 1, stored: 50) > 1_000_000)
        #expect(second.head(of: 2, stored: 1) > 1_000_000)
    }

    @Test("A process that died before it had noted again what the last one noted is not believed")
    func killedAtStart() throws {
        let first = try self.open()
        first.note(1, head: 70)
        _ = try self.open(begins: false)
        #expect(try self.open().head(of: 1, stored: 50) > 70)
    }

    @Test("What another folder of the same place left in shared memory is not believed")
    func otherFolder() throws {
        let first = try self.open()
        first.note(1, head: 70)
        try FileManager.default.removeItem(atPath: self.folder + "/sluice.heads")
        let second = try self.open()
        #expect(second.head(of: 1, stored: 50) > 1_000_000)
    }

    @Test("After a machine went down numbering goes on far beyond, also of a log that no note is left of")
    func machineWentDown() throws {
        let first = try self.open()
        first.note(1, head: 70)
        try self.becomeAnotherBoot()
        let second = try self.open()
        #expect(second.head(of: 1, stored: 50) > 1_000_000)
        #expect(second.head(of: 2, stored: 50) > 1_000_000)
    }

    @Test("After an end in order numbering goes on where it was, whatever the machine did since")
    func closed() throws {
        let first = try self.open()
        first.note(1, head: 70)
        first.closed()
        try self.becomeAnotherBoot()
        let second = try self.open()
        #expect(second.head(of: 1, stored: 70) == 70)
        // The end in order was that of the process before.
        try self.becomeAnotherBoot()
        #expect(try self.open().head(of: 1, stored: 70) > 1_000_000)
    }

    @Test("Notes go on in a new file when the old one was taken away")
    func reattached() throws {
        let first = try self.open()
        first.note(1, head: 70)
        first.note(2, head: 5)
        first.forget(2)
        try FileManager.default.removeItem(atPath: self.folder + "/sluice.heads")
        try first.reattach()
        first.note(3, head: 30)
        let second = try self.open()
        #expect(second.head(of: 1, stored: 1) == 70)
        #expect(second.head(of: 2, stored: 1) == 1)
        #expect(second.head(of: 3, stored: 1) == 30)
    }

    @Test("There is room for many logs, more is made in time, and what was noted stays", arguments: [true, false])
    func grows(usesSharedMemory: Bool) throws {
        let first = try self.open(usesSharedMemory: usesSharedMemory)
        var growths = 0
        for life in Int64(1)...40_000 {
            let (isTaken, isCrowded) = first.reserve(life)
            #expect(isTaken)
            first.note(life, head: Seq(clamping: life + 7))
            if isCrowded {
                try first.grow()
                growths += 1
            }
        }
        #expect(growths == 2)
        first.copy()
        let second = try self.open(usesSharedMemory: usesSharedMemory)
        for life in Int64(1)...40_000 {
            #expect(second.head(of: life, stored: 1) == Seq(clamping: life + 7))
        }
    }

    @Test("A log that finds no place for its numbers is not begun, and places become free")
    func full() throws {
        let first = try self.open()
        var life: Int64 = 1
        while first.reserve(life).isTaken {
            life += 1
        }
        // The number of places did not grow.
        #expect(life == 16_385)
        first.forget(9)
        #expect(first.reserve(life).isTaken)
        try first.grow()
        #expect(first.reserve(life + 1).isTaken)
    }

    @Test("As many places are made as there are logs, and more logs than can be noted are refused")
    func many() throws {
        #expect(throws: StoreError.self) { try HeadFile(folder: self.folder, lifeCount: HeadFile.maximumSlotCount + 1) }
        let heads = try HeadFile(folder: self.folder, lifeCount: 100_000)
        for life in Int64(1)...100_000 where !heads.reserve(life).isTaken {
            Issue.record("no place for \(life)")
        }
    }

    private func removeSharedMemory() throws {
        let attributes = try FileManager.default.attributesOfItem(atPath: self.folder)
        let inode = try #require(attributes[.systemFileNumber] as? Int)
        let names = try FileManager.default.contentsOfDirectory(atPath: "/dev/shm")
        let ours = names.filter { $0.hasPrefix("sluice-heads-") && $0.hasSuffix("-\(inode)") }
        for name in ours {
            try FileManager.default.removeItem(atPath: "/dev/shm/" + name)
        }
    }

    /// The file says which start of the machine it is of, in its first bytes.
    private func becomeAnotherBoot() throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: self.folder + "/sluice.heads"))
        try handle.write(contentsOf: Data([1, 2, 3, 4, 5, 6, 7, 8]))
        try handle.close()
    }
}

/// Brings notes to the file on a thread of its own, again and again.
private final class Copies: Sendable {
    private let isDone = Atomic<Bool>(false)
    private let begun = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Returns once it has begun.
    init(_ heads: HeadFile) {
        Thread.detachNewThread {
            heads.copy()
            self.begun.signal()
            while !self.isDone.load(ordering: .acquiring) {
                heads.copy()
            }
            self.ended.signal()
        }
        self.begun.wait()
    }

    /// Returns once the last copy is made.
    func stop() {
        self.isDone.store(true, ordering: .releasing)
        self.ended.wait()
    }
}
