import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.management.OperatingSystemMXBean;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;

/**
 * A JVM whose threads use native memory for a while and then idle: what does it keep?
 *
 * <p>JvmLoad LOAD THREADS OPERATIONS does OPERATIONS in all, drops what it holds, collects until
 * the cleaners ran, and waits until its standard input ends. On standard output, a line of JSON
 * each: marks with the time of CLOCK_MONOTONIC and the resident memory ("boot", "start" when the
 * threads stand ready, "peak" when their work is done and all is still held, "freed", "end"), and "result"
 * with the figures. The heap must have a fixed size and be touched from the start: then what
 * resident memory grows by is native memory.
 */
public final class JvmLoad {
    private static final int WARM_UPS = 40;
    private static final int WARM_UP_OPERATIONS = 8;
    private static final int PAGE = 4096;

    private JvmLoad() {
    }

    public static void main(String[] args) throws Exception {
        // Before the load counts the direct buffers: reading the CPU time makes the JDK keep one.
        mark("boot", String.format(", \"cpu_s\": %.3f", cpuNanos() / 1e9));
        Load load = named(args[0]);
        int threads = Integer.parseInt(args[1]);
        int operations = Integer.parseInt(args[2]) / threads;

        warmUp(load);
        Crew crew = new Crew(load, threads, operations);
        long askedBefore = load.askedBytes();
        long cpuBefore = cpuNanos();
        long start = mark("start", "");
        crew.work();
        long peak = mark("peak", String.format(", \"live_bytes\": %d", load.liveBytes()));
        double seconds = (peak - start) / 1e9;
        double cpuSeconds = (cpuNanos() - cpuBefore) / 1e9;
        double done = (double) operations * threads;
        long asked = load.askedBytes() - askedBefore;
        load.release();
        Cleaning.untilClean(load::isClean);
        mark("freed", "");
        mark("result", String.format(", \"ops\": %.0f, \"ops_per_s\": %.2f, \"ops_per_cpu_s\": %.2f,"
                + " \"load_s\": %.3f, \"asked_bytes\": %d",
                done, done / seconds, done / cpuSeconds, seconds, asked));
        mark("end", "");
        // Whoever looks at what the process keeps says when it has seen enough.
        while (System.in.read() >= 0) {
            continue;
        }
    }

    private static Load named(String name) {
        return switch (name) {
            case "gzip" -> new Gzip();
            case "direct" -> new Direct();
            case "unsafe" -> new UnsafeMix();
            case "jni" -> new Tails();
            default -> throw new IllegalArgumentException("no load is named " + name);
        };
    }

    /**
     * Loads and compiles the classes, so that the JVM's own memory is there before the load. In
     * small parts: what an allocator keeps of them would count as the JVM's.
     */
    private static void warmUp(Load load) throws InterruptedException {
        SplittableRandom random = new SplittableRandom(0);
        for (int i = 0; i < WARM_UPS; i++) {
            for (int j = 0; j < WARM_UP_OPERATIONS; j++) {
                load.operate(random);
            }
            load.release();
            Cleaning.untilClean(load::isClean);
        }
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static long residentBytes() throws IOException {
        try (FileInputStream file = new FileInputStream("/proc/self/statm")) {
            byte[] text = new byte[128];
            int length = file.read(text);
            return Long.parseLong(new String(text, 0, length, US_ASCII).split(" ")[1]) * PAGE;
        }
    }

    /** Says what happened, at once; the time it happened at. */
    private static long mark(String name, String figures) throws IOException {
        long now = System.nanoTime();
        System.out.printf("{\"mark\": \"%s\", \"t_ns\": %d, \"rss_bytes\": %d%s}%n",
                name, now, residentBytes(), figures);
        System.out.flush();
        return now;
    }
}
