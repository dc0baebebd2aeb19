import Testing

@testable import SluiceServer

@Suite("Sockets that somebody holds for the gateway")
struct InheritedSocketsTests {
    private static func sockets(_ count: String?, _ names: String?, process: String = "7") -> InheritedSockets {
        var environment = ["LISTEN_PID": process]
        environment["LISTEN_FDS"] = count
        environment["LISTEN_FDNAMES"] = names
        return InheritedSockets(environment: environment, processID: 7)
    }

    @Test("Each is for what its name says")
    func names() {
        let sockets = Self.sockets("2", "admin:listen")
        #expect(sockets.admin == 3 && sockets.listen == 4 && sockets.unused == [])
    }

    @Test(
        "One alone is for clients, whatever its name, unless that is the operator's",
        arguments: [nil, "", "sluice.socket", "unknown"]
    )
    func single(name: String?) {
        #expect(Self.sockets("1", name).listen == 3)
        #expect(Self.sockets("1", "admin").listen == nil && Self.sockets("1", "admin").admin == 3)
    }

    @Test("What has no name of ours, or comes a second time, is told and not used")
    func unused() {
        let sockets = Self.sockets("4", "listen:listen:other")
        #expect(sockets.listen == 3 && sockets.admin == nil && sockets.unused == ["listen", "other", ""])
    }

    @Test("A number that is none is nothing", arguments: [nil, "", "0", "-1", "x", "17", "99999999999999999999"])
    func numbers(count: String?) {
        #expect(Self.sockets(count, "listen") == .nothing)
    }

    @Test("What is for another process is not for this one", arguments: ["8", "", "x"])
    func otherProcess(process: String) {
        #expect(Self.sockets("1", "listen", process: process) == .nothing)
    }
}
