/// Work that waits for one of a store's threads.
package struct StoreQueue: Sendable {
    /// What it is called in the metrics.
    package var name: String
    package var count: Int

    package init(_ name: String, count: Int) {
        self.name = name
        self.count = count
    }
}
