import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;

/**
 * A JVM whose threads use native memory for a while and then idle: what does it keep?
 *
 * <p>JvmLoad LOAD THREADS OPERATIONS IDLE_MILLIS does OPERATIONS in all, drops what it holds,
 * collects until the cleaners ran, and waits. On standard output, a line of JSON each: marks with
 * the time of CLOCK_MONOTONIC ("start" when the threads stand ready, "peak" when their work is done
 * and all is still held, "freed", "end"), and "result" with the figures. The heap must have a fixed
 * size and be touched from the start: then what RSS grows by is native memory.
 */
public final class JvmLoad {
    private static final int WARM_UP_OPERATIONS = 300;

    private JvmLoad() {
    }

    public static void main(String[] args) throws Exception {
        Load load = named(args[0]);
        int threads = Integer.parseInt(args[1]);
        int operations = Integer.parseInt(args[2]) / threads;
        int idleMillis = Integer.parseInt(args[3]);

        warmUp(load);
        Crew crew = new Crew(load, threads, operations);
        long asked = load.askedBytes();
        long cpu = cpuNanos();
        long start = mark("start", "");
        crew.work();
        long peak = mark("peak", String.format(", \"live_bytes\": %d", load.liveBytes()));
        double seconds = (peak - start) / 1e9;
        double done = (double) operations * threads;
        double cpuSeconds = (cpuNanos() - cpu) / 1e9;
        asked = load.askedBytes() - asked;
        load.release();
        Collection.untilClean(load::isClean);
        mark("freed", "");
        mark("result", String.format(
                ", \"ops_per_s\": %.2f, \"seconds\": %.3f, \"cpu_s\": %.3f, \"asked_bytes\": %d",
                done / seconds, seconds, cpuSeconds, asked));
        // That time passes is what is measured: memory must go back by itself.
        Thread.sleep(idleMillis);
        mark("end", "");
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

    /** Loads and compiles the classes, so that the JVM's own memory is there before the load. */
    private static void warmUp(Load load) throws InterruptedException {
        SplittableRandom random = new SplittableRandom(0);
        for (int i = 0; i < WARM_UP_OPERATIONS; i++) {
            load.operate(random);
        }
        load.release();
        Collection.untilClean(load::isClean);
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    /** Says what happened, at once; the time it happened at. */
    private static long mark(String name, String figures) {
        long now = System.nanoTime();
        System.out.printf("{\"mark\": \"%s\", \"t_ns\": %d%s}%n", name, now, figures);
        System.out.flush();
        return now;
    }
}
