import Foundation
import Logging
import Testing

@testable import SluiceServer

@Suite("The log's handler")
struct LineLogHandlerTests {
    /// Everything that was written to a pipe by `body`.
    private static func written(_ body: (LogOutput) -> Void) -> String {
        let pipe = Pipe()
        body(LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor))
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
        let reading = Task.detached { pipe.fileHandleForReading.readDataToEndOfFile() }
        await withTaskGroup(of: Void.self) { group in
            for name in ["a", "b", "c", "d"] {
                group.addTask {
                    for _ in 0..<200 {
                        output.write(String(repeating: name, count: 3000) + "\n")
                    }
                }
            }
        }
        pipe.fileHandleForWriting.closeFile()
        let lines = String(decoding: await reading.value, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 800)
        #expect(lines.allSatisfy { Set($0).count == 1 && $0.count == 3000 })
    }

    @Test("A reader that does not read holds a line up for a moment only")
    func stuckReader() {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0)
        let output = LogOutput(descriptor: descriptor)
        let start = ContinuousClock.now
        output.write(String(repeating: "x", count: 1 << 20) + "\n")
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("A descriptor that is closed is no reason to stop")
    func closed() {
        LogOutput(descriptor: -1).write("lost\n")
    }
}
