import HTTPServer
import Primitives

/// Metrics in Prometheus's text format, version 0.0.4.
struct MetricsText {
    enum Kind: String {
        case gauge, counter
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
        for (labelValue, value) in values { text += "\(Self.prefix)\(name){\(label)=\"\(labelValue)\"} \(value)\n" }
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
