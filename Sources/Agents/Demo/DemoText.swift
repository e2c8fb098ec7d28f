import Primitives

/// What the demo agent says about a question.
enum DemoText {
    private static let quoteWordLimit = 16
    private static let wordLengthLimit = 40
    private static let topicLimit = 3
    private static let topicLength = 3

    /// The answer's sentences in UTF-8: words without white space in them, each followed by one space.
    static func sentences(about question: String) -> [UInt8] {
        let words = words(of: question)
        let topics = topics(among: words)
        var choices = Choices(seed: question)

        var text: [UInt8] = []
        text.reserveCapacity(1024)
        for sentence in [
            choices.pick(openings(quote: quote(words))),
            "I am the built-in demo agent: no language model has read this, and my sentences are made from your own words.",
            choices.pick(remarks(on: topics)),
            choices.pick(outlooks(on: topics.first)),
            size(of: question, wordCount: words.count),
            "To get real answers, let whoever runs this service connect a language model to it as an agent: rooms, "
                + "sessions and the way in which an answer reaches you, word by word, stay as they are.",
        ] {
            text.append(utf8: sentence)
            text.append(UInt8(ascii: " "))
        }
        return text
    }

    // MARK: Sentences

    private static func openings(quote: String) -> [String] {
        guard !quote.isEmpty else { return ["You asked nothing that I could read."] }
        let end = quote.last.map { ".!?…。！？".contains($0) } == true ? "”" : "”."
        return [
            "You asked: “\(quote)\(end)",
            "Your question was: “\(quote)\(end)",
            "So this is what you would like to know: “\(quote)\(end)",
            "Thank you for your question, “\(quote)\(end)",
        ]
    }

    private static func remarks(on topics: [String]) -> [String] {
        guard let last = topics.last else { return ["I found no word in it to take up."] }
        let quoted = topics.dropLast().map { "“\($0)”" }.joined(separator: ", ")
        let list = quoted.isEmpty ? "“\(last)”" : "\(quoted) and “\(last)”"
        return [
            "What stands out in it is \(list).",
            "It seems to be about \(list).",
            "The words that I can take up are \(list).",
        ]
    }

    private static func outlooks(on topic: String?) -> [String] {
        guard let topic else { return ["A few more words would give a real model more to go by."] }
        return [
            "A real model would first say what is known about “\(topic)”, and then what you can do next.",
            "On “\(topic)” there is surely more to say than a demo can.",
            "About “\(topic)” a real model could now give you reasons and examples.",
            "Where a real model would explain “\(topic)”, I can only repeat the word.",
        ]
    }

    private static func size(of question: String, wordCount: Int) -> String {
        let characters = question.unicodeScalars.count
        let words = wordCount == 1 ? "1 word" : "\(wordCount) words"
        return "The question has \(words) and \(characters) characters, "
            + "and whoever asks the same again gets the same answer."
    }

    // MARK: Words

    /// The words between white space, without control characters.
    private static func words(of question: String) -> [String] {
        question.unicodeScalars.split { $0.properties.isWhitespace }.compactMap { scalars in
            var word = String.UnicodeScalarView()
            let visible = scalars.filter { $0.properties.generalCategory != .control }
            word.append(contentsOf: visible.prefix(wordLengthLimit))
            if visible.count > wordLengthLimit { word.append("…") }
            return word.isEmpty ? nil : String(word)
        }
    }

    private static func quote(_ words: [String]) -> String {
        let quote = words.prefix(quoteWordLimit).joined(separator: " ")
        return words.count > quoteWordLimit ? quote + " …" : quote
    }

    /// The first words that carry some meaning, each once, without the punctuation around them.
    private static func topics(among words: [String]) -> [String] {
        var topics: [String] = []
        var seen: Set<String> = []
        for word in words {
            let isInner = { (character: Character) in character.isLetter || character.isNumber }
            guard let first = word.firstIndex(where: isInner), let last = word.lastIndex(where: isInner) else {
                continue
            }
            let topic = String(word[first...last])
            let key = topic.lowercased()
            guard topic.count >= topicLength, !commonWords.contains(key), seen.insert(key).inserted else { continue }
            topics.append(topic)
            if topics.count == topicLimit { break }
        }
        return topics
    }

    private static let commonWords = Set(
        """
        about after again all also always and another any anything are because been before being
        between both but can can't could did does doing don't each every explain for from get give
        got had has have having her here him his how i'm into isn't it's its just know let let's
        like lot made make many may more most much must need never not now off one only other our
        out over please same say see shall she should some something such tell than that the their
        them then there these they thing things this those too use very want was way well were what
        what's when where which while who why will with would yet you your
        """.split { $0.isWhitespace }.map(String.init)
    )
}

extension DemoText {
    /// Choices that depend on a text alone.
    private struct Choices {
        private var state: UInt64

        /// By FNV-1a: Swift's own hashes differ from run to run.
        init(seed: String) {
            state = 0xCBF2_9CE4_8422_2325
            for byte in seed.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }

        mutating func pick(_ sentences: [String]) -> String {
            let choice = Int(state >> 33) % sentences.count
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return sentences[choice]
        }
    }
}
