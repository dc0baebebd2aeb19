/// Finds the scanner in a command line, behind commands that start others: `sudo`, `env`, `docker run`.
struct ScannerCommand {
    /// The arguments between a wrapper's name and the command that it starts.
    private struct Wrapper {
        /// The options whose value is a separate argument, by letter and by long name.
        var letters = ""
        var names: Set<String> = []

        /// The number of the wrapper's own arguments before the command, such as a duration or a CPU mask.
        var argumentCount = 0
    }

    private static let wrappers: [String: Wrapper] = [
        "sudo": Wrapper(
            letters: "ughpCcrtTUDRa",
            names: [
                "--user", "--group", "--host", "--prompt", "--close-from", "--chdir", "--chroot", "--role", "--type",
                "--other-user", "--command-timeout", "--login-class", "--auth-type",
            ]
        ),
        "doas": Wrapper(letters: "uCa"),
        "env": Wrapper(letters: "uC", names: ["--unset", "--chdir"]),
        "nice": Wrapper(letters: "n", names: ["--adjustment"]),
        "ionice": Wrapper(letters: "cn", names: ["--class", "--classdata"]),
        "timeout": Wrapper(letters: "ks", names: ["--kill-after", "--signal"], argumentCount: 1),
        "stdbuf": Wrapper(letters: "ioe", names: ["--input", "--output", "--error"]),
        "time": Wrapper(letters: "fo", names: ["--format", "--output"]),
        "taskset": Wrapper(argumentCount: 1),
        "proxychains": Wrapper(letters: "f"), "proxychains4": Wrapper(letters: "f"),
        "torsocks": Wrapper(letters: "aupP", names: ["--address", "--user", "--pass", "--port"]),
        "unbuffer": Wrapper(), "nohup": Wrapper(), "setsid": Wrapper(), "exec": Wrapper(), "command": Wrapper(),
    ]

    private static let containerCommands: Set<String> = ["docker", "podman", "nerdctl"]

    /// The options of `docker run` and `docker exec` without a value; all others have one.
    private static let containerFlagLetters = "ditPq"
    private static let containerFlags: Set<String> = [
        "--detach", "--disable-content-trust", "--init", "--interactive", "--no-healthcheck", "--oom-kill-disable",
        "--privileged", "--publish-all", "--quiet", "--read-only", "--rm", "--sig-proxy", "--tty",
    ]

    private var rest: ArraySlice<String>

    /// The format that a command's name implies.
    ///
    /// - Parameter command: The command and its arguments.
    /// - Returns: The scanner's format; `auto` if no known scanner is named.
    static func format(of command: [String]) -> ScanFormat {
        var reader = ScannerCommand(rest: command[...])
        return reader.format() ?? .auto
    }

    private mutating func format() -> ScanFormat? {
        while let argument = self.rest.popFirst() {
            let name = Self.baseName(argument)
            if let format = Self.scanner(name) { return format }
            if let wrapper = Self.wrappers[name] {
                self.skip(wrapper)
            } else if Self.containerCommands.contains(name) {
                if let format = self.skipContainer() { return format }
            } else {
                return nil
            }
        }
        return nil
    }

    private static func baseName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static let otherNames: [String: ScanFormat] = [
        "nikto.pl": .nikto, "zap.sh": .zap, "zaproxy": .zap, "zap-baseline.py": .zap, "zap-full-scan.py": .zap,
        "zap-api-scan.py": .zap,
    ]

    private static func scanner(_ name: String) -> ScanFormat? {
        if let format = self.otherNames[name] { return format }
        return ScanFormat(rawValue: name).flatMap { [.auto, .ndjson, .sarif, .lines].contains($0) ? nil : $0 }
    }

    /// Skips a wrapper's options, its settings (`A=b`) and its own arguments.
    private mutating func skip(_ wrapper: Wrapper) {
        var argumentCount = wrapper.argumentCount
        while let argument = self.rest.first {
            if argument == "--" {
                self.rest.removeFirst()
                self.rest = self.rest.dropFirst(argumentCount)
                return
            }
            if argument.hasPrefix("-"), argument.count > 1 {
                self.rest.removeFirst()
                let takesValue =
                    argument.hasPrefix("--")
                    ? wrapper.names.contains(argument)
                    : Self.endsWithOption(argument) { wrapper.letters.contains($0) }
                if takesValue { self.rest = self.rest.dropFirst() }
            } else if argument.contains("="), Self.scanner(Self.baseName(argument)) == nil {
                self.rest.removeFirst()
            } else if argumentCount > 0 {
                argumentCount -= 1
                self.rest.removeFirst()
            } else {
                return
            }
        }
    }

    /// Whether the value of a group of short options (`-it`, `-u`, `-oL`) is the next argument: the first letter that
    /// takes a value is the last of the group.
    private static func endsWithOption(_ group: String, where takesValue: (Character) -> Bool) -> Bool {
        let options = group.dropFirst()
        guard let first = options.firstIndex(where: takesValue) else { return false }
        return options.index(after: first) == options.endIndex
    }

    /// Skips `run --rm -it image` or `exec -it container`; returns a format where the image or the entry point is named
    /// after a scanner.
    private mutating func skipContainer() -> ScanFormat? {
        guard let verb = self.rest.firstIndex(where: { $0 == "run" || $0 == "exec" }) else {
            self.rest = []
            return nil
        }
        let isRun = self.rest[verb] == "run"
        self.rest = self.rest[verb...].dropFirst()
        while let option = self.rest.first, option.hasPrefix("-") {
            self.rest.removeFirst()
            if option.hasPrefix("--entrypoint") {
                let value = option.contains("=") ? option.split(separator: "=").last.map(String.init) : self.rest.first
                if let format = Self.scanner(Self.baseName(value ?? "")) { return format }
            }
            let takesValue =
                option.hasPrefix("--")
                ? !option.contains("=") && !Self.containerFlags.contains(option)
                : Self.endsWithOption(option) { !Self.containerFlagLetters.contains($0) }
            if takesValue { self.rest = self.rest.dropFirst() }
        }
        guard let image = self.rest.popFirst(), isRun else { return nil }
        let name = Self.baseName(String(image.prefix { $0 != "@" }))
        return Self.scanner(String(name.prefix { $0 != ":" }))
    }
}
