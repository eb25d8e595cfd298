import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;

/** Threads that are there before the clock starts, work once, and then idle for ever. */
final class Crew {
    private static final long STACK_BYTES = 256 << 10;

    private final Load load;
    private final int operations;
    private final CountDownLatch born;
    private final CountDownLatch go = new CountDownLatch(1);
    private final CountDownLatch working;
    private final CountDownLatch never = new CountDownLatch(1);
    private volatile Throwable failure;

    /** Each of the threads will run so many operations. */
    Crew(Load load, int threads, int operations) throws InterruptedException {
        this.load = load;
        this.operations = operations;
        born = new CountDownLatch(threads);
        working = new CountDownLatch(threads);
        for (int i = 0; i < threads; i++) {
            SplittableRandom random = new SplittableRandom(i + 1);
            Thread thread = new Thread(null, () -> live(random), "load-" + i, STACK_BYTES);
            thread.setDaemon(true);
            thread.start();
        }
        born.await();
    }

    private void live(SplittableRandom random) {
        try {
            born.countDown();
            go.await();
            for (int i = 0; i < operations; i++) {
                load.operate(random);
            }
        } catch (Throwable e) {
            failure = e;
        }
        working.countDown();
        idle();
    }

    /** As a pool's thread does without a request. */
    private void idle() {
        try {
            never.await();
        } catch (InterruptedException e) {
            // Nobody interrupts; the thread would just end.
        }
    }

    /** Lets all threads work, until the last of them is done. */
    void work() throws InterruptedException {
        go.countDown();
        working.await();
        if (failure != null) {
            throw new IllegalStateException(failure);
        }
    }
}
