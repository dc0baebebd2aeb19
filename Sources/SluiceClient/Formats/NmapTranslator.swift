/// nmap's XML output, its normal output, its greppable output, or several of them, on whichever stream each comes.
struct NmapTranslator: OutputTranslator {
    private var findings = NmapFindings()
    private var xml: [ScannerStream: NmapXMLReader] = [:]
    private var text: [ScannerStream: NmapTextReader] = [:]

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        if NmapXMLReader.recognises(line) {
            return self.xml[stream, default: NmapXMLReader()].read(line, findings: &self.findings)
        }
        let text = line.text
        if GreppableReader.recognises(text) {
            return GreppableReader.read(line, findings: &self.findings)
        }
        return self.text[stream, default: NmapTextReader()].read(text, findings: &self.findings)
    }
}
