extension StringProtocol {
    /// The text without the characters at both ends that `isTrimmed` picks.
    package func trimming(_ isTrimmed: (Character) -> Bool) -> SubSequence {
        guard let start = firstIndex(where: { !isTrimmed($0) }),
            let last = self[start...].lastIndex(where: { !isTrimmed($0) })
        else { return self[endIndex...] }
        return self[start...last]
    }
}
