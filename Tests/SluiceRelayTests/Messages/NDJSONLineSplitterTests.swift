import NIOCore
import SluiceRelay
import Testing

@Suite("Lines of a stream")
struct NDJSONLineSplitterTests {
    private func drain(_ splitter: inout NDJSONLineSplitter) throws -> [String] {
        var lines: [String] = []
        while let line = try splitter.nextLine() { lines.append("\(line.number):" + String(buffer: line.bytes)) }
        return lines
    }

    @Test("lines are the same wherever the stream is cut")
    func everyCut() throws {
        let text = "one\ntwo two two two\r\n\n\r\n  \nlast but one, a longer line\r\r\nend"
        let expected = [
            "1:one", "2:two two two two", "3:", "4:", "5:  ", "6:last but one, a longer line\r", "7:end",
        ]
        let bytes = ByteBuffer(string: text)
        for first in 0...bytes.readableBytes {
            for second in first...bytes.readableBytes {
                var splitter = NDJSONLineSplitter(maximumLineBytes: 28)
                var lines: [String] = []
                for range in [0..<first, first..<second, second..<bytes.readableBytes] {
                    splitter.append(bytes.getSlice(at: range.lowerBound, length: range.count)!)
                    lines += try self.drain(&splitter)
                }
                #expect(splitter.lineCount == 6)
                if let last = try splitter.finish() { lines.append("\(last.number):" + String(buffer: last.bytes)) }
                #expect(lines == expected, "cut at \(first) and \(second)")
                #expect(try splitter.finish()?.number == nil)
            }
        }
    }

    @Test("the beginning of a line does not keep the lines before it alive")
    func beginning() throws {
        var splitter = NDJSONLineSplitter(maximumLineBytes: 100_000)
        splitter.append(ByteBuffer(string: String(repeating: "x", count: 65_000) + "\ny"))
        #expect(try self.drain(&splitter).count == 1)
        let rest = try splitter.finish()?.bytes
        #expect(rest.map { String(buffer: $0) } == "y" && rest?.storageCapacity ?? .max < 4096)
    }

    @Test("a line is given as soon as its line feed is there, byte by byte too")
    func atOnce() throws {
        var splitter = NDJSONLineSplitter(maximumLineBytes: 10)
        for character in "abc" {
            splitter.append(ByteBuffer(string: String(character)))
            #expect(try self.drain(&splitter).isEmpty)
        }
        splitter.append(ByteBuffer(string: "\n"))
        #expect(try self.drain(&splitter) == ["1:abc"])
        splitter.append(ByteBuffer(string: "d\ne\nf"))
        #expect(try self.drain(&splitter) == ["2:d", "3:e"])
        #expect(try splitter.finish()?.bytes == ByteBuffer(string: "f"))
        #expect(splitter.lineCount == 4)
    }

    @Test("bytes that were appended before all lines were taken keep their order")
    func appendedTwice() throws {
        var splitter = NDJSONLineSplitter(maximumLineBytes: 10)
        splitter.append(ByteBuffer(string: "a\nb"))
        splitter.append(ByteBuffer(string: "c\nd"))
        #expect(try splitter.nextLine()?.bytes == ByteBuffer(string: "a"))
        splitter.append(ByteBuffer(string: "e\n"))
        #expect(try self.drain(&splitter) == ["2:bc", "3:de"])
        #expect(try splitter.finish()?.number == nil)
    }

    @Test("a line as long as the limit passes, with either end")
    func longestLine() throws {
        for end in ["\n", "\r\n"] {
            var splitter = NDJSONLineSplitter(maximumLineBytes: 4)
            for piece in ["abcd", end, "efgh" + end] { splitter.append(ByteBuffer(string: piece)) }
            #expect(try self.drain(&splitter) == ["1:abcd", "2:efgh"])
        }
        for end in ["", "\r"] {
            var splitter = NDJSONLineSplitter(maximumLineBytes: 4)
            splitter.append(ByteBuffer(string: "abcd" + end))
            #expect(try self.drain(&splitter).isEmpty)
            #expect(try splitter.finish()?.bytes == ByteBuffer(string: "abcd"))
        }
    }

    @Test(
        "a line over the limit is refused, finished or not, and so is all after it",
        arguments: [
            "abcde", "abcde\n", "abcd\r\r\n", "abcd\re", "abcde\r\n", "abcdefghijklmnop",
        ]
    )
    func tooLong(_ text: String) throws {
        for cut in 0...text.utf8.count {
            let bytes = ByteBuffer(string: "ok\n" + text)
            var splitter = NDJSONLineSplitter(maximumLineBytes: 4)
            splitter.append(bytes.getSlice(at: 0, length: 3 + cut)!)
            #expect(try splitter.nextLine()?.number == 1)
            let error = #expect(throws: MessageError.self) {
                _ = try splitter.nextLine()
                splitter.append(bytes.getSlice(at: 3 + cut, length: text.utf8.count - cut)!)
                _ = try splitter.nextLine()
            }
            #expect(error?.code == .messageTooLarge)
            #expect(splitter.lineCount == 1)
            #expect(throws: MessageError.self) { try splitter.nextLine() }
            #expect(throws: MessageError.self) { try splitter.finish() }
        }
    }
}
