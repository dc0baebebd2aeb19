package import SluiceBase

/// What the gateway would do about the certificate that an authority issues to it; nobody is asked.
package enum CertificatePlan {
    /// In a line for the operator; nil where no authority is configured.
    ///
    /// - Parameters:
    ///   - configuration: What the operator wants.
    ///   - now: The time of day.
    /// - Returns: The line.
    package static func text(_ configuration: GatewayConfiguration, now: WallTime) -> String? {
        let acme = configuration.tls.acme
        guard let directory = acme.directory, !configuration.listen.plaintext else {
            return nil
        }
        let folder = ACMEFolder(acme.folder, directory: directory)
        return "certificate for \(acme.domains.joined(separator: ", ")), from \(directory) by "
            + "\(acme.challenge.rawValue): \(Self.state(folder, acme, time: now.seconds))"
    }

    private static func state(_ folder: ACMEFolder, _ acme: GatewayConfiguration.ACME, time: Double) -> String {
        let certificate: IssuedCertificate?
        do throws(ACMEFailure) {
            certificate = try folder.certificate()
        } catch {
            return "\(error); another would be ordered at the start"
        }
        guard let certificate else {
            return "none in \(folder.path); it would be ordered at the start"
        }
        let end = CertificateDate.day(certificate.validity.endsAt)
        guard certificate.isGood(for: acme.domains, time: time) else {
            let isOver = certificate.validity.endsAt <= time
            return "the one in \(folder.path) \(isOver ? "ended on \(end)" : "is for other names"); "
                + "another would be ordered at the start"
        }
        var schedule = ACMESchedule()
        schedule.took(certificate.validity, jitter: 0)
        let renewal = schedule.renewsAt ?? time
        let day = renewal <= time ? "at the start" : "by \(CertificateDate.day(renewal))"
        return "the one in \(folder.path) holds until \(end); it would be renewed \(day)"
    }
}
