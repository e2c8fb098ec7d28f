import Testing

@testable import Metrics

struct ExpositionTests {
    @Test func `counters, gauges and histograms are written as Prometheus reads them`() {
        var exposition = Exposition()
        exposition.add("answers_total", .counter, "Answers", 3)
        exposition.add("age_seconds", .gauge, "Age", 1.5)
        exposition.add("ends_total", .counter, "Ends", by: "status", [("complete", 1), ("error", 0)])
        let histogram = Histogram(Histogram.Bounds([0.5, 1]))
        histogram.observe(nanoseconds: 750_000_000)
        histogram.observe(nanoseconds: 2_000_000_000)
        exposition.add("time_seconds", "Time", [(labels: [("agent", "a")], snapshot: histogram.snapshot)])
        #expect(
            String(decoding: exposition.bytes, as: UTF8.self) == """
                # HELP answers_total Answers
                # TYPE answers_total counter
                answers_total 3
                # HELP age_seconds Age
                # TYPE age_seconds gauge
                age_seconds 1.5
                # HELP ends_total Ends
                # TYPE ends_total counter
                ends_total{status="complete"} 1
                ends_total{status="error"} 0
                # HELP time_seconds Time
                # TYPE time_seconds histogram
                time_seconds_bucket{agent="a",le="0.5"} 0
                time_seconds_bucket{agent="a",le="1.0"} 1
                time_seconds_bucket{agent="a",le="+Inf"} 2
                time_seconds_sum{agent="a"} 2.75
                time_seconds_count{agent="a"} 2

                """
        )
    }

    @Test func `a label's value cannot end its line or its quotes`() {
        var exposition = Exposition()
        exposition.add("x", .gauge, "X", by: "name", [("a\"b\\c\nd", 1)])
        #expect(String(decoding: exposition.bytes, as: UTF8.self).hasSuffix("x{name=\"a\\\"b\\\\c\\nd\"} 1\n"))
    }

    @Test func `a metric without any value is not described`() {
        var exposition = Exposition()
        exposition.add("x", .gauge, "X", [(labels: Exposition.Labels, value: Int)]())
        exposition.add("y", "Y", [])
        #expect(exposition.bytes.isEmpty)
    }
}
