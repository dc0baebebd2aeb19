private import Foundation

/// Dates of authorities' answers, as seconds since 1970.
enum CertificateDate {
    /// A date of RFC 3339, such as `2026-01-02T04:00:00Z`; nil if it is none.
    static func seconds(_ text: String) -> Double? {
        let whole = try? Date(text, strategy: .iso8601)
        return (whole ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))))?
            .timeIntervalSince1970
    }

    /// A date of a header field, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7); nil if it is none.
    static func seconds(ofField text: String) -> Double? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[5] == "GMT", parts[1].count == 2,
            let month = months.firstIndex(of: String(parts[2]))
        else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Self.seconds("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }

    /// The day of a time, such as `2026-01-02`.
    static func day(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(.iso8601.year().month().day())
    }
}
