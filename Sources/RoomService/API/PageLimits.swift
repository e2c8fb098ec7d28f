/// How many elements a page of a list may have.
enum PageLimits {
    static let rooms = 1...100
    static let conversations = 1...200
    /// Where the client says nothing.
    static let standard = 50
}
