import Glibc

/// What the process has used so far.
struct ProcessUsage {
    /// User and system time, in seconds.
    var cpuSeconds: Double
    /// Resident memory, in bytes.
    var residentBytes: Int

    static var current: ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let time = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        return ProcessUsage(cpuSeconds: time, residentBytes: residentPages * Int(sysconf(Int32(_SC_PAGESIZE))))
    }

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    /// The second number of `/proc/self/statm` (proc(5)); 0 where that cannot be read.
    private static var residentPages: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let numbers = line.split(separator: CChar(bitPattern: UInt8(ascii: " ")))
        guard numbers.count > 1 else { return 0 }
        return Int(String(decoding: numbers[1].map { UInt8(bitPattern: $0) }, as: UTF8.self)) ?? 0
    }
}
