import Foundation

/// Starts the program that holds the house rules and waits for its verdict.
enum TidyProgram {
    /// The program's exit code, and the text it wrote on either output.
    struct Result {
        var exitCode: Int32
        var output: String
    }

    static func run(_ arguments: String...) throws -> Result {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", root.appendingPathComponent(".ci/tidy.py").path] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Read to the end before waiting: a long list of findings would otherwise fill the pipe and stand still.
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(exitCode: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
    }
}
