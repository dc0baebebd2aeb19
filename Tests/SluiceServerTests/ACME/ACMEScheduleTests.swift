import NIOCore
import Testing

@testable import SluiceServer

@Suite struct ACMEScheduleTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let day = 86_400.0
    /// Ninety days, from time 0.
    private static let validity = ACMESchedule.Validity(beginsAt: 0, endsAt: 90 * day)

    @Test func `without a certificate one is ordered at once`() {
        let schedule = ACMESchedule()
        #expect(schedule.isDue(now: Self.start, time: 0))
        #expect(!schedule.isLookDue(now: Self.start))
    }

    @Test(arguments: [(0.0, 60.0), (1.0, 58.2), (0.5, 59.1), (7.0, 58.2), (-1.0, 60.0)])
    func `it is renewed at two thirds of its life, or a little earlier`(jitter: Double, days: Double) {
        var schedule = ACMESchedule()
        schedule.took(Self.validity, jitter: jitter)
        #expect(!schedule.isDue(now: Self.start, time: days * Self.day - 1))
        #expect(schedule.isDue(now: Self.start, time: days * Self.day + 1))
    }

    @Test func `failures wait a minute, doubled to an hour, and the certificate stays`() {
        var schedule = ACMESchedule()
        schedule.took(Self.validity, jitter: 0)
        var now = Self.start
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60, 60] as [Int64] {
            #expect(schedule.isDue(now: now, time: 61 * Self.day))
            #expect(schedule.failed(now: now, retryAfter: nil) == .minutes(minutes))
            #expect(!schedule.isDue(now: now + .minutes(minutes) - .nanoseconds(1), time: 61 * Self.day))
            now = now + .minutes(minutes)
        }
        #expect(schedule.validity == Self.validity)
        // After one that succeeds it begins anew.
        schedule.took(Self.validity, jitter: 0)
        #expect(schedule.failed(now: now, retryAfter: nil) == .minutes(1))
    }

    @Test(arguments: [
        (TimeAmount.minutes(30), TimeAmount.minutes(30)), (.seconds(1), .minutes(1)), (.hours(99), .hours(24)),
    ])
    func `an authority that wants to be left alone is`(said: TimeAmount, obeyed: TimeAmount) {
        var schedule = ACMESchedule()
        #expect(schedule.failed(now: Self.start, retryAfter: said) == obeyed)
        #expect(!schedule.isDue(now: Self.start + obeyed - .nanoseconds(1), time: 0))
        #expect(schedule.isDue(now: Self.start + obeyed, time: 0))
    }

    @Test func `a change of the configuration does not wait`() {
        var schedule = ACMESchedule()
        _ = schedule.failed(now: Self.start, retryAfter: nil)
        schedule.took(nil, jitter: 0)
        #expect(schedule.isDue(now: Self.start, time: 0))
    }

    @Test func `one that seems old when it is issued is not ordered again and again`() {
        var schedule = ACMESchedule()
        schedule.took(Self.validity, jitter: 0, issuedAt: 80 * Self.day)
        #expect(!schedule.isDue(now: Self.start, time: 85 * Self.day - 1))
        #expect(schedule.isDue(now: Self.start, time: 85 * Self.day))
        // Out of the folder it is renewed at once.
        schedule.took(Self.validity, jitter: 0)
        #expect(schedule.isDue(now: Self.start, time: 80 * Self.day))
    }

    @Test func `an authority's advice brings a renewal forward, and never puts it off`() throws {
        var schedule = ACMESchedule()
        schedule.took(Self.validity, jitter: 0)
        #expect(schedule.isLookDue(now: Self.start))
        let early = try #require(RenewalWindow(Self.window("1970-02-10T00:00:00Z", "1970-02-12T00:00:00Z")))
        schedule.looked(early, retryAfter: nil, jitter: 0.5, now: Self.start)
        #expect(schedule.renewsAt == 41 * Self.day)
        #expect(!schedule.isLookDue(now: Self.start + .hours(6) - .nanoseconds(1)))
        #expect(schedule.isLookDue(now: Self.start + .hours(6)))
        // It may take its word back.
        let late = try #require(RenewalWindow(Self.window("1970-03-20T00:00:00Z", "1970-03-22T00:00:00Z")))
        schedule.looked(late, retryAfter: .minutes(30), jitter: 0.5, now: Self.start)
        #expect(schedule.renewsAt == 60 * Self.day)
        #expect(schedule.isLookDue(now: Self.start + .minutes(30)))
        schedule.looked(nil, retryAfter: .seconds(1), jitter: 0.5, now: Self.start)
        #expect(!schedule.isLookDue(now: Self.start + .seconds(59)))
        #expect(schedule.renewsAt == 60 * Self.day)
    }

    @Test func `an authority that always says now gets no order after the other`() throws {
        var schedule = ACMESchedule()
        schedule.took(Self.validity, jitter: 0)
        let past = try #require(RenewalWindow(Self.window("1969-02-10T00:00:00Z", "1969-02-12T00:00:00Z")))
        schedule.looked(past, retryAfter: nil, jitter: 0, now: Self.start)
        #expect(!schedule.isDue(now: Self.start, time: 3599))
        #expect(schedule.isDue(now: Self.start, time: 3600))
        // Nor does one that dates its certificates an hour back.
        schedule.took(Self.validity, jitter: 0, issuedAt: 3600)
        schedule.looked(past, retryAfter: nil, jitter: 0, now: Self.start)
        #expect(!schedule.isDue(now: Self.start, time: 7199))
        #expect(schedule.isDue(now: Self.start, time: 7200))
    }

    private static func window(_ begin: String, _ end: String) -> ACMEAnswer {
        let window = #"{"start":"\#(begin)","end":"\#(end)"}"#
        let body = #"{"suggestedWindow":\#(window),"explanationURL":"https://ca.example/why"}"#
        return ACMEAnswer(status: 200, body: Array(body.utf8))
    }

    @Test(arguments: [
        ("", ""), ("1970-02-12T00:00:00Z", "1970-02-10T00:00:00Z"), ("yesterday", "1970-02-10T00:00:00Z"),
    ])
    func `advice that is none is passed over`(begin: String, end: String) {
        #expect(RenewalWindow(Self.window(begin, end)) == nil)
    }

    @Test func `dates are read as authorities write them`() {
        #expect(CertificateDate.seconds("1970-01-02T00:00:01Z") == 86_401)
        #expect(CertificateDate.seconds("1970-01-02T02:00:01+02:00") == 86_401)
        #expect(CertificateDate.seconds("1970-01-02T00:00:01.5Z") == 86_401.5)
        #expect(CertificateDate.seconds("1970-01-02") == nil)
        #expect(CertificateDate.seconds(ofField: "Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(CertificateDate.seconds(ofField: "Sun, 06 Foo 1994 08:49:37 GMT") == nil)
        #expect(CertificateDate.day(86_401) == "1970-01-02")
    }

    @Test(
        arguments: [
            ("120", TimeAmount.minutes(2)), ("0", .zero), ("-5", .zero), ("99999999999999999999", nil),
            ("999999999", .hours(24)), ("Thu, 01 Jan 1970 00:02:00 GMT", .seconds(20)), ("soon", nil),
        ] as [(String, TimeAmount?)]
    )
    func `the time to come back is seconds or a date`(text: String, length: TimeAmount?) {
        #expect(ACMEAnswer.retryAfter(text, now: 100) == length)
    }
}
