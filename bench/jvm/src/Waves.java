import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;

/** Threads that do their operations in waves and idle in between, as a service's pools do. */
final class Waves {
    private static final long STACK_BYTES = 512 << 10;
    private static final long MOST_NANOS = TimeUnit.MINUTES.toNanos(10);
    private static final int DIGITS = 3;
    /** A wave that takes longer hangs. */
    private static final int LIMIT_MINUTES = 20;

    private final Workload load;
    private final int threads;
    private final CyclicBarrier barrier;
    private final Histogram latency = new Histogram(MOST_NANOS, DIGITS);
    private volatile int operations;
    private volatile Throwable failure;
    private long workNanos;
    private long cpuNanos;
    private final AtomicLong done = new AtomicLong();

    Waves(Workload load, int threads) {
        this.load = load;
        this.threads = threads;
        barrier = new CyclicBarrier(threads + 1);
        for (int i = 0; i < threads; i++) {
            SplittableRandom random = new SplittableRandom(i + 1);
            Thread thread = new Thread(null, () -> live(random), "load-" + i, STACK_BYTES);
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void live(SplittableRandom random) {
        Histogram own = new Histogram(MOST_NANOS, DIGITS);
        try {
            while (true) {
                barrier.await();
                work(random, own, operations);
                synchronized (latency) {
                    latency.add(own);
                }
                own.reset();
                barrier.await();
            }
        } catch (Exception e) {
            // A barrier that broke: the program ends.
        }
    }

    private void work(SplittableRandom random, Histogram own, int count) {
        try {
            done.addAndGet(load.operate(count, random, own, () -> failure != null));
        } catch (Throwable e) {
            failure = e;
        }
    }

    /** One wave of so many operations in all; the nanoseconds it took. */
    long run(int wanted) throws Exception {
        operations = Math.max(1, wanted / threads);
        long cpu = cpuNow();
        long start = System.nanoTime();
        barrier.await(LIMIT_MINUTES, TimeUnit.MINUTES);
        barrier.await(LIMIT_MINUTES, TimeUnit.MINUTES);
        long nanos = System.nanoTime() - start;
        if (failure != null) {
            throw new IllegalStateException("an operation failed", failure);
        }
        workNanos += nanos;
        cpuNanos += cpuNow() - cpu;
        return nanos;
    }

    /** Forgets the waves so far: they warmed up. */
    void reset() {
        latency.reset();
        workNanos = cpuNanos = 0;
        done.set(0);
    }

    Object[] figures() {
        double ops = done.get();
        return new Object[] {
            "ops", done.get(),
            "work_s", workNanos / 1e9,
            "work_cpu_s", cpuNanos / 1e9,
            "ops_per_s", ops / (workNanos / 1e9),
            "ops_per_cpu_s", ops / (cpuNanos / 1e9),
            "mean_us", latency.getMean() / 1e3,
            "p50_us", latency.getValueAtPercentile(50) / 1e3,
            "p99_us", latency.getValueAtPercentile(99) / 1e3,
            "p999_us", latency.getValueAtPercentile(99.9) / 1e3,
            "max_us", latency.getMaxValue() / 1e3,
        };
    }

    static long cpuNow() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }
}
