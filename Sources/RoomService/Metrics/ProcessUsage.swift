import Glibc

/// What the system says of the process. What it does not tell is 0.
struct ProcessUsage {
    /// User and system time, in seconds.
    var cpuSeconds: Double
    /// In bytes.
    var residentBytes: Int
    var virtualBytes: Int
    var openDescriptors: Int
    var maxDescriptors: Int

    static var current: ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // The size of the address space and what of it is resident, in pages (proc(5)).
        let pages = numbers(firstLine(of: "/proc/self/statm"))
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        return ProcessUsage(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            residentBytes: pages.count > 1 ? pages[1] * pageSize : 0,
            virtualBytes: pages.count > 1 ? pages[0] * pageSize : 0,
            openDescriptors: openDescriptors,
            maxDescriptors: Int(clamping: limit.rlim_cur)
        )
    }

    /// When the process began, in seconds since 1970.
    static var startTime: Double {
        // Behind the name in parentheses, which may hold anything, the 22nd field is the 20th: in ticks since the machine's start.
        guard let rest = firstLine(of: "/proc/self/stat").split(separator: ")").last else { return 0 }
        let fields = rest.split(separator: " ")
        guard fields.count > 19, let ticks = Int(fields[19]) else { return 0 }
        let age = seconds(of: CLOCK_BOOTTIME) - Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
        return seconds(of: CLOCK_REALTIME) - age
    }

    /// Linux 6.2 and later tell their number as the folder's size; before, they are counted.
    private static var openDescriptors: Int {
        var information = stat()
        if stat("/proc/self/fd", &information) == 0, information.st_size > 0 { return Int(information.st_size) }
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without `.`, `..`, and the folder's own.
        return max(0, count - 3)
    }

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    private static func seconds(of clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func numbers(_ line: String) -> [Int] { line.split(separator: " ").compactMap { Int($0) } }

    private static func firstLine(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        guard fgets(&line, Int32(line.count), file) != nil else { return "" }
        return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
