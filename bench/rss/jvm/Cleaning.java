import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.function.BooleanSupplier;

/** Garbage collections that end when what cleaners free has been freed. */
final class Cleaning {
    private static final int LIMIT_SECONDS = 60;
    private static final int POLL_MILLIS = 10;
    /** The thread that runs the JDK's cleaners, those of Deflater and Inflater among them. */
    private static final String CLEANER = "Common-Cleaner";

    private Cleaning() {
    }

    /**
     * Collects until `isClean`, and until the cleaners of all that was unreachable on entry ran.
     *
     * <p>A sentinel dropped after one collection comes out of the next. References are handed to
     * their queues list by list, one for each collection, so by then those of the first have been;
     * and the cleaner's thread waits only when its queue is empty.
     */
    static void untilClean(BooleanSupplier isClean) throws InterruptedException {
        long end = System.nanoTime() + LIMIT_SECONDS * 1_000_000_000L;
        do {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("not all that was dropped was freed");
            }
            untilSentinelIsFound(end);
            untilSentinelIsFound(end);
            untilCleanerWaits(end);
        } while (!isClean.getAsBoolean());
    }

    private static void untilSentinelIsFound(long end) throws InterruptedException {
        ReferenceQueue<Object> queue = new ReferenceQueue<>();
        PhantomReference<Object> sentinel = new PhantomReference<>(new Object(), queue);
        do {
            System.gc();
        } while (queue.remove(POLL_MILLIS) != sentinel && System.nanoTime() < end);
    }

    private static void untilCleanerWaits(long end) throws InterruptedException {
        Thread cleaner = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals(CLEANER)).findFirst().orElseThrow();
        // Several times: a thread that was just woken still looks as if it waited.
        for (int times = 0; times < 5 && System.nanoTime() < end;) {
            times = cleaner.getState() == Thread.State.TIMED_WAITING ? times + 1 : 0;
            Thread.sleep(POLL_MILLIS);
        }
    }
}
