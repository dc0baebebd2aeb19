import Foundation
import Logging
import Testing

@testable import SluiceServer

@Suite("The log's handler")
struct LineLogHandlerTests {
    /// Everything that was written to a pipe by `body`.
    private static func written(_ body: (LogOutput) -> Void) -> String {
        let pipe = Pipe()
        let output = LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        body(output)
        output.flush(milliseconds: 60_000)
        pipe.fileHandleForWriting.closeFile()
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    private static func logger(_ output: LogOutput, _ level: LogLevel) -> Logger {
        Logger(label: "sluice") { label in
            LineLogHandler(label: label, format: .text, sharedLevel: level, output: output)
        }
    }

    @Test("The shared level changes for loggers that exist already, and a logger's own level stands above it")
    func level() {
        let level = LogLevel(.info)
        let text = Self.written { output in
            let logger = Self.logger(output, level)
            var loud = logger
            loud.logLevel = .trace
            logger.debug("one")
            loud.trace("two")
            level.current = .debug
            logger.debug("three")
            level.current = .critical
            logger.error("four")
            logger.critical("five")
        }
        #expect(text.split(separator: "\n").map { $0.split(separator: " ").last } == ["two", "three", "five"])
    }

    @Test("Every level can be set and is the one that is told", arguments: Logger.Level.allCases)
    func levels(level: Logger.Level) {
        let shared = LogLevel(.info)
        shared.current = level
        #expect(shared.current == level)
    }

    @Test("Metadata of the logger, its provider, the event and its error come together, the nearest first")
    func metadata() {
        let text = Self.written { output in
            var logger = Logger(label: "sluice") { label in
                LineLogHandler(
                    label: label,
                    format: .text,
                    sharedLevel: LogLevel(.info),
                    output: output,
                    metadataProvider: Logger.MetadataProvider { ["b": "provider", "c": "provider"] }
                )
            }
            logger[metadataKey: "a"] = "logger"
            logger[metadataKey: "b"] = "logger"
            logger.info("m", metadata: ["c": "event"])
        }
        #expect(text.hasSuffix(" m a=logger b=provider c=event\n"))
    }

    @Test("Lines of many threads never mix")
    func threads() async {
        let pipe = Pipe()
        let output = LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let reading = Self.reading(pipe)
        await withTaskGroup(of: Void.self) { group in
            for name in ["a", "b", "c", "d"] {
                group.addTask {
                    for _ in 0..<200 {
                        output.write(String(repeating: name, count: 3000) + "\n")
                    }
                }
            }
        }
        output.flush(milliseconds: 60_000)
        pipe.fileHandleForWriting.closeFile()
        let lines = String(decoding: await reading.first { _ in true } ?? Data(), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 800)
        #expect(lines.allSatisfy { Set($0).count == 1 && $0.count == 3000 })
    }

    /// All that a pipe gives, read on a thread of its own: tests that block their threads keep no task from its turn.
    private static func reading(_ pipe: Pipe) -> AsyncStream<Data> {
        let (data, continuation) = AsyncStream.makeStream(of: Data.self)
        Thread.detachNewThread {
            continuation.yield(pipe.fileHandleForReading.readDataToEndOfFile())
            continuation.finish()
        }
        return data
    }

    @Test(
        "A reader that does not read holds nobody up; lines beyond the bound are counted, and told of",
        arguments: [0, O_NONBLOCK]
    )
    func stuckReader(flags: CInt) async {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | flags) == 0)
        let output = LogOutput(descriptor: descriptor, maximumBytes: 200_000)
        for _ in 0..<1000 {
            output.write(String(repeating: "x", count: 999) + "\n")
        }
        // At most what the pipe holds, what is being written, and what waits.
        let droppedCount = output.droppedCount
        #expect(droppedCount >= 500 && droppedCount < 1000)
        output.flush(milliseconds: 1)
        let reading = Self.reading(pipe)
        output.flush(milliseconds: 60_000)
        pipe.fileHandleForWriting.closeFile()
        let lines = String(decoding: await reading.first { _ in true } ?? Data(), as: UTF8.self).split(separator: "\n")
        #expect(lines.filter { $0.first == "x" }.count == 1000 - droppedCount)
        #expect(lines.count { $0.hasSuffix(" log lines dropped lines=\(droppedCount)") } == 1)
    }

    @Test("A descriptor that is closed is no reason to stop")
    func closed() {
        let output = LogOutput(descriptor: -1)
        output.write("lost\n")
        output.flush(milliseconds: 60_000)
        #expect(output.droppedCount == 1)
    }
}
