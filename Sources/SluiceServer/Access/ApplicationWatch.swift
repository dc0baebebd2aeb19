internal import NIOCore
internal import SluiceAdmission
internal import SluiceHTTP

/// Asks the application again, as long as a connection stands that it let in.
///
/// Loop-confined. Its connection holds it, and stops it at its end.
final class ApplicationWatch {
    private let services: GatewayServices
    private let errand: Errand
    private let eventLoop: any EventLoop
    private weak var connection: (any LiveConnection)?
    private var count = RecheckCount()
    private var timer: Scheduled<Void>?
    private var isStopped = false

    /// Begins to ask; nil where the application has nothing to do with it.
    init?(
        _ connection: any LiveConnection,
        _ identity: Identity,
        _ errand: Errand?,
        services: GatewayServices,
        on eventLoop: any EventLoop
    ) {
        guard let errand, identity.applicationEvidence != nil, services.application != nil else {
            return nil
        }
        self.connection = connection
        self.errand = errand
        self.services = services
        self.eventLoop = eventLoop
        self.schedule()
    }

    /// Asks no more.
    func stop() {
        self.isStopped = true
        self.timer?.cancel()
        self.timer = nil
    }

    /// A little earlier than it has to be, each another bit: those that came together do not ask together for ever.
    private func schedule() {
        let recheck = self.services.settings.configuration.auth.forward.recheck
        let delay = TimeAmount.nanoseconds(Int64(Double(recheck.nanoseconds) * Double.random(in: 0.9...1)))
        self.timer = self.eventLoop.assumeIsolated()
            .scheduleTask(in: delay) {
                self.ask()
            }
    }

    private func ask() {
        self.timer = nil
        guard let connection = self.connection, let judge = self.services.application,
            let evidence = connection.identity.applicationEvidence
        else {
            return
        }
        judge.ask(self.errand.question(evidence.credential), self.errand, isFresh: true, on: self.eventLoop)
            .assumeIsolated()
            .whenSuccess { answer in
                // A token that came by a refresh meanwhile has its own end: it is no more the application's business.
                guard !self.isStopped, let connection = self.connection,
                    connection.identity.applicationEvidence != nil
                else {
                    return
                }
                self.take(answer, connection)
            }
    }

    private func take(_ answer: ApplicationAnswer, _ connection: any LiveConnection) {
        switch answer {
        case .admitted(let identity):
            self.count.answered()
            guard identity.subject == connection.identity.subject else {
                connection.close(.otherUser)
                return
            }
            self.schedule()
            connection.reconsider(as: identity)
        case .refused(let isKnown, _):
            connection.close(isKnown ? .notAllowed : .signedOut)
        case .unavailable:
            guard !self.count.unanswered() else {
                connection.close(.unverified)
                return
            }
            self.schedule()
        }
    }
}

extension Identity {
    /// What the application was shown; nil if it has not judged this.
    var applicationEvidence: ApplicationEvidence? {
        if case .application(let evidence)? = self.evidence { evidence } else { nil }
    }
}
