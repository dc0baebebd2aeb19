import Testing

@testable import SluiceClient

@Suite struct ScannerCommandTests {
    @Test(
        "the command's name implies the format, behind wrappers too",
        arguments: [
            ("/usr/bin/nmap -v", ScanFormat.nmap), ("sudo -n masscan", .masscan), ("sudo -u root -- nmap", .nmap),
            ("sudo -nu root nmap", .nmap), ("sudo -uroot nmap", .nmap), ("sudo --user root nmap", .nmap),
            ("sudo --user=root A=b nmap", .nmap), ("doas -u root nmap", .nmap), ("timeout 60 env A=b nuclei", .nuclei),
            ("timeout -k 5 -s KILL 60 nuclei", .nuclei), ("timeout --kill-after 5 60s nuclei", .nuclei),
            ("env -i -u X A=b C= nuclei", .nuclei), ("nice nmap", .nmap), ("nice -n 10 nmap", .nmap),
            ("nice -n10 nmap", .nmap), ("nice -10 nmap", .nmap), ("ionice -c 2 -n 7 nmap", .nmap),
            ("stdbuf -oL nuclei", .nuclei), ("stdbuf -o L -e 0 nuclei", .nuclei), ("stdbuf --output=L nmap", .nmap),
            ("nohup setsid nmap", .nmap), ("taskset 0x3 nmap", .nmap), ("proxychains4 -q -f /a nmap", .nmap),
            ("sudo nice -n 5 stdbuf -oL timeout 1h nmap -v", .nmap),
            ("docker run --rm -it instrumentisto/nmap -v", .nmap),
            ("docker run --rm -v /a:/b -e A=b --network host projectdiscovery/nuclei:latest -u x", .nuclei),
            ("sudo docker run --name x r.example:5000/a/masscan@sha256:00 -p80", .masscan),
            ("podman run -itv /a:/b kali nmap -v", .nmap), ("docker exec -it -u root scanner nmap", .nmap),
            ("docker run --entrypoint nmap kali -v", .nmap), ("docker run --entrypoint=/usr/bin/nmap kali", .nmap),
            ("docker --context x container run nmap", .nmap), ("docker run kali sh -c nmap", .auto),
            ("docker pull nmap", .auto), ("docker run", .auto), ("docker", .auto),
            ("cat nmap", .auto), ("sh -c nmap", .auto), ("sudo", .auto), ("sudo -u nmap", .auto),
            ("sudo -u nmap cat", .auto), ("timeout nmap", .auto), ("env A=nmap cat", .auto), ("ndjson", .auto),
            ("/opt/zap/zap-baseline.py -t x", .zap), ("nikto.pl -h x", .nikto), ("sarif", .auto), ("lines", .auto),
            ("docker run --rm aquasec/trivy:0.57 image x", .trivy), ("docker run -t ghcr.io/zaproxy/zaproxy x", .zap),
            ("sudo zmap -p 80", .zmap), ("docker run anchore/grype x", .grype), ("nmap-wrapper", .auto),
            ("/opt/a=b/nmap", .nmap), ("env /opt/a=b/nmap", .nmap), ("-", .auto),
        ]
    )
    func format(command: String, format: ScanFormat) {
        #expect(ScannerCommand.format(of: command.split(separator: " ").map(String.init)) == format)
    }

    @Test("no command and an empty name imply nothing")
    func nothing() {
        #expect(ScannerCommand.format(of: []) == .auto)
        #expect(ScannerCommand.format(of: ["", "nmap"]) == .auto)
        #expect(ScannerCommand.format(of: ["sudo", "", "nmap"]) == .auto)
    }
}
