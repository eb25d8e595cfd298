import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;

/**
 * A program's work: what the threads of {@link Bench} do, so many operations and no more.
 *
 * <p>What a load decides comes from the random numbers it is handed: each run asks for the same
 * work, whatever the order across threads.
 */
interface Workload {
    /** Servers, files, classes: all that is there before the clock starts. */
    default void open(Settings settings) throws Exception {
    }

    /** One operation of one thread, which is what latency is measured of. */
    void operate(SplittableRandom random) throws Exception;

    /**
     * So many operations in a row, less when told that it is over; records the nanoseconds that each
     * took, and returns how many there were. Programs that measure by themselves do it here.
     */
    default long operate(int count, SplittableRandom random, Histogram latency, BooleanSupplier isOver)
            throws Exception {
        for (int i = 0; i < count; i++) {
            if (isOver.getAsBoolean()) {
                return i;
            }
            long start = System.nanoTime();
            operate(random);
            latency.recordValue(Math.min(System.nanoTime() - start, latency.getHighestTrackableValue()));
        }
        return count;
    }

    /** Between two waves: what a service drops while nobody asks. */
    default void calm() throws Exception {
    }

    /** After the last wave: all that a service drops when its callers are gone. */
    void release() throws Exception;

    /** Whether all that was dropped has been freed, as far as it can be counted. */
    default boolean isClean() {
        return true;
    }

    /** After everything was measured: threads and files. */
    default void close() throws Exception {
    }
}
