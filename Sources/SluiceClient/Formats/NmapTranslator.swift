/// nmap's XML output, its normal output, or both, on whichever stream each comes.
struct NmapTranslator: OutputTranslator {
    private var findings = NmapFindings()
    private var xml: [ScannerStream: NmapXMLReader] = [:]
    private var text: [ScannerStream: NmapTextReader] = [:]

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage] {
        if line.bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "<") {
            var messages: [ProgressMessage] = []
            for tag in XMLTagReader.tags(in: line.bytes) {
                messages += self.xml[stream, default: NmapXMLReader()].read(tag, findings: &self.findings)
            }
            return messages
        }
        return self.text[stream, default: NmapTextReader()].read(line.text, findings: &self.findings)
    }
}
