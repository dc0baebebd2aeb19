package import Instrumentation

/// Carries callers' traces between requests and contexts.
///
/// What a request says of its trace is told on with the requests that it causes, as it came: the gateway reports no
/// spans, so it is nobody's parent.
package struct TraceInstrument: Instrument {
    private static let parent = "traceparent"
    private static let state = "tracestate"

    package init() {}

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        if let parent = extractor.extract(key: Self.parent, from: carrier) {
            let state = extractor.extract(key: Self.state, from: carrier)
            context.callerTrace = CallerTrace(parent: parent, state: state)
        }
    }

    package func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        if let trace = context.callerTrace {
            injector.inject(trace.parent, forKey: Self.parent, into: &carrier)
            if let state = trace.state {
                injector.inject(state, forKey: Self.state, into: &carrier)
            }
        }
    }
}

extension InstrumentationContext {
    private enum CallerTraceKey: InstrumentationContextKey {
        typealias Value = CallerTrace
    }

    /// The trace that the caller says it belongs to; nil for none.
    package var callerTrace: CallerTrace? {
        get { self[CallerTraceKey.self] }
        set { self[CallerTraceKey.self] = newValue }
    }

    /// What the fields of a request say.
    package init(of fields: HeaderFields) {
        self = .topLevel
        TraceInstrument().extract(fields, into: &self, using: FieldExtractor())
    }

    /// The fields that tell it on.
    package var fields: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        TraceInstrument().inject(self, into: &fields, using: FieldInjector())
        return fields
    }
}

/// Reads the fields of a request: `traceparent` stands there once, a list may be on several lines.
private struct FieldExtractor: Extractor {
    func extract(key: String, from fields: HeaderFields) -> String? {
        let values = fields[key]
        return values.count > 1 && key == "traceparent" ? nil : values.isEmpty ? nil : values.joined(separator: ",")
    }
}

/// Adds fields to a request.
private struct FieldInjector: Injector {
    func inject(_ value: String, forKey key: String, into fields: inout [(name: String, value: String)]) {
        fields.append((key, value))
    }
}
