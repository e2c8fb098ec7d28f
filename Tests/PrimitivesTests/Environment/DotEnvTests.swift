import Testing

@testable import Primitives

struct DotEnvTests {
    private func values(_ text: String) -> [String: String] {
        let file = DotEnv(Array(text.utf8))
        #expect(file.faults == [])
        return file.entries.mapValues(\.value)
    }

    @Test(
        arguments: [
            ("PORT=8000", "8000"), ("  PORT = 8000 \t", "8000"), ("export PORT=8000", "8000"), ("PORT=", ""),
            ("PORT=8000 # the port", "8000"), ("PORT=8000\t#x", "8000"), ("PORT=80#00", "80#00"), ("PORT=#1", "#1"),
            ("PORT= # none", ""), ("PORT='80 # 00'", "80 # 00"), ("PORT=\"80 # 00\" # x", "80 # 00"),
            ("PORT='a\\n$b'", "a\\n$b"), ("PORT=\"a\\n\\r\\t\\\"\\\\\\$b\"", "a\n\r\t\"\\$b"),
            ("PORT=\"it's\"", "it's"),
            ("PORT='say \"x\"'", "say \"x\""), ("PORT=a'b'", "a'b'"), ("PORT=a=b==", "a=b=="), ("PORT=$HOME", "$HOME"),
            ("PORT=ü e\u{301}", "ü e\u{301}"), ("PORT=''", ""), ("PORT=\u{301}x", "\u{301}x"), ("PORT='x'\r", "x"),
            ("PORT='\u{301}'", "\u{301}"), ("PORT=1\nPORT=2", "2"), ("PORT=a b  c", "a b  c"),
        ]
    )
    func `a value is read as it is written`(line: String, value: String) {
        #expect(values(line) == ["PORT": value])
        #expect(values("# first\n\n\(line)\n  # last")["PORT"] == value)
    }

    @Test func `lines end with or without a carriage return, and know their number`() {
        let file = DotEnv(Array("A=1\r\n\r\n# c\r\n_b2=two words\n\nC=3".utf8))
        #expect(
            file.entries == [
                "A": .init(value: "1", line: 1), "_b2": .init(value: "two words", line: 4),
                "C": .init(value: "3", line: 6),
            ]
        )
    }

    @Test func `a byte order mark is skipped at the start of the file alone`() {
        #expect(values("\u{FEFF}PORT=1") == ["PORT": "1"])
        #expect(DotEnv(Array("A=1\n\u{FEFF}PORT=1".utf8)).faults.map(\.line) == [2])
    }

    @Test func `a variable may be called export`() {
        #expect(values("export=1") == ["export": "1"])
        #expect(values("export =1") == ["export": "1"])
    }

    @Test(
        arguments: [
            ("PORT", "has no '='"), ("=1", "has no name of letters, digits and '_' before the '='"),
            ("1A=1", "has no name of letters, digits and '_' before the '='"),
            ("A B=1", "has no name of letters, digits and '_' before the '='"),
            ("A-B=1", "has no name of letters, digits and '_' before the '='"),
            ("A='1", "has a quote that is not closed on the same line"),
            ("A=\"1\\\"", "has a quote that is not closed on the same line"),
            ("A='1' 2", "goes on after the quoted value"),
            ("A=\"\\x\"", "has an unknown escape: in double quotes, a backslash is written '\\\\'"),
            ("A=1\u{0}2", "has a zero byte"),
        ]
    )
    func `a faulty line is told with its number`(line: String, reason: String) {
        let file = DotEnv(Array("X=1\n\(line)\nY=2".utf8))
        #expect(file.faults == [.init(line: 2, reason: reason)])
        #expect(file.entries.keys.sorted() == ["X", "Y"])
    }

    @Test func `text that is not UTF-8 is refused`() {
        #expect(DotEnv([0x41, 0x3D, 0xFF]).faults == [.init(line: 1, reason: "is not UTF-8")])
    }
}
