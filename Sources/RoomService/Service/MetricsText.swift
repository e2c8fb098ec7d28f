import HTTPServer
import Primitives

/// Metrics in Prometheus's text format, version 0.0.4.
struct MetricsText {
    enum Kind: String {
        case gauge, counter, histogram
    }

    private static let contentType = HTTPField("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
    private static let prefix = "roomservice_"

    private var text = ""

    /// Adds a metric with one value.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        describe(Self.prefix + name, kind, help)
        text += "\(Self.prefix)\(name) \(value)\n"
    }

    /// Adds a metric with a value for each value of a label.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, by label: String, _ values: [(String, Int)]) {
        describe(Self.prefix + name, kind, help)
        for (labelValue, value) in values { addValue(name, [(label, labelValue)], "\(value)") }
    }

    typealias Labels = [(name: String, value: String)]

    /// Adds a metric with a value for each combination of labels; nothing, where there is none.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ values: [(labels: Labels, value: Int)]) {
        guard !values.isEmpty else { return }
        describe(Self.prefix + name, kind, help)
        for (labels, value) in values { addValue(name, labels, "\(value)") }
    }

    /// Adds a histogram for each value of a label.
    mutating func add(_ name: String, _ help: String, by label: String, _ histograms: [(String, Histogram)]) {
        describe(Self.prefix + name, .histogram, help)
        for (value, histogram) in histograms {
            let labels = [(name: label, value: value)]
            for (bound, count) in histogram.cumulative {
                addValue("\(name)_bucket", labels + [("le", "\(bound)")], "\(count)")
            }
            addValue("\(name)_bucket", labels + [("le", "+Inf")], "\(histogram.count)")
            addValue("\(name)_sum", labels, "\(histogram.sum)")
            addValue("\(name)_count", labels, "\(histogram.count)")
        }
    }

    private mutating func addValue(_ name: String, _ labels: Labels, _ value: String) {
        let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        text += "\(Self.prefix)\(name){\(list)} \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Adds one of the metrics that all programs have, under its usual name.
    mutating func addStandard(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        describe(name, kind, help)
        text += "\(name) \(value)\n"
    }

    private mutating func describe(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    var response: HTTPResponse { HTTPResponse(headers: [Self.contentType], body: .bytes(Array(text.utf8))) }
}
